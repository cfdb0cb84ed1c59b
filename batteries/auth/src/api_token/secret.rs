//! The text of a token: `lback_`, random characters, and a checksum.
//!
//! The prefix lets scanners of source code find tokens that were published by mistake. The checksum tells most texts that are not tokens
//! from real ones without a query.

use lback_core::{Error, Result};
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "lback_";

/// Letters and digits, so that a double click selects the whole token.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The number of random characters, which have 256 bits.
const RANDOM: usize = 43;

/// The number of characters that hold 32 bits.
const CHECKSUM: usize = 6;

/// The number of characters of the checksum that the list of tokens shows.
const HINT: usize = 4;

/// The digest of a token's random characters. SHA-256 is enough, because 256 random bits cannot be guessed.
pub(super) type Digest = [u8; 32];

/// A new token.
pub(super) struct Secret {
    pub(super) text: String,
    pub(super) digest: Digest,
}

impl Secret {
    /// Returns a new token.
    ///
    /// # Errors
    /// Returns 503 if the system has no random numbers.
    pub(super) fn random() -> Result<Self> {
        let random = random_characters()?;
        let digest = digest(random.as_bytes());
        let text = [PREFIX.as_bytes(), random.as_bytes(), &checksum(&digest)].concat();
        Ok(Secret { text: text.into_iter().map(char::from).collect(), digest })
    }

    /// Returns the end of the token, by which its owner recognizes it.
    pub(super) fn hint(&self) -> String {
        self.text[self.text.len() - HINT..].to_owned()
    }
}

/// Returns the digest of a token, or `None` if the text is not a token.
pub(super) fn digest_of(text: &[u8]) -> Option<Digest> {
    let rest = text.strip_prefix(PREFIX.as_bytes())?;
    if rest.len() != RANDOM + CHECKSUM {
        return None;
    }
    let (random, sent) = rest.split_at(RANDOM);
    let digest = digest(random);
    (sent == checksum(&digest)).then_some(digest)
}

fn digest(random: &[u8]) -> Digest {
    Sha256::digest(random).into()
}

/// Returns the first 32 bits of the digest as characters.
fn checksum(digest: &Digest) -> [u8; CHECKSUM] {
    let mut number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    [(); CHECKSUM].map(|()| {
        let character = ALPHABET[(number % 62) as usize];
        number /= 62;
        character
    })
}

fn random_characters() -> Result<String> {
    let mut text = String::with_capacity(RANDOM);
    while text.len() < RANDOM {
        let mut bytes = [0_u8; 64];
        getrandom::fill(&mut bytes).map_err(|error| Error::unavailable("the system has no random numbers").with_source(error))?;
        let missing = RANDOM - text.len();
        // With greater bytes, the first characters of the alphabet would be more likely than the others.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        text.extend(fair.take(missing).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_digest_with_which_it_was_made() {
        let secret = Secret::random().unwrap();
        assert_eq!((secret.text.len(), digest_of(secret.text.as_bytes())), (PREFIX.len() + RANDOM + CHECKSUM, Some(secret.digest)));
        assert!(secret.text.ends_with(&secret.hint()) && secret.hint().len() == HINT);
        assert!(secret.text[PREFIX.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(Secret::random().unwrap().text, secret.text);
    }

    #[test]
    fn a_token_with_another_character_is_none() {
        let secret = Secret::random().unwrap();
        for at in 0..secret.text.len() {
            let mut text = secret.text.clone().into_bytes();
            text[at] = if text[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(digest_of(&text), None, "{at}");
        }
        let (shorter, longer) = (&secret.text[..secret.text.len() - 1], format!("{}0", secret.text));
        for text in ["", PREFIX, shorter, &longer, &secret.text.to_uppercase(), &secret.text.replace("lback_", "lback-")] {
            assert_eq!(digest_of(text.as_bytes()), None, "{text}");
        }
        assert_eq!(digest_of(&[0xff; PREFIX.len() + RANDOM + CHECKSUM]), None);
    }

    #[test]
    fn the_format_stays() {
        let text = format!("{PREFIX}{}", "a".repeat(RANDOM));
        let digest = digest("a".repeat(RANDOM).as_bytes());
        let checksum = String::from_utf8(checksum(&digest).to_vec()).unwrap();
        assert_eq!(format!("{text}{checksum}"), "lback_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaKhRks1");
    }
}
