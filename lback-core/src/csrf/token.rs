//! Secrets and tokens.

use aes_gcm::aead::OsRng;
use aes_gcm::aead::rand_core::RngCore;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{Error, Result};

const BYTES: usize = 32;
/// A mask and what it masks, in base64.
const TOKEN_LENGTH: usize = (2 * BYTES * 8).div_ceil(6);

/// What a browser keeps in its cookie.
#[derive(Clone)]
pub(super) struct Secret([u8; BYTES]);

impl Secret {
    pub(super) fn random() -> Result<Self> {
        random().map(Secret)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Secret)
    }

    pub(super) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// A token that is bound to a session, or to none, under a mask of its own.
    pub(super) fn token(&self, bound: Option<&str>) -> Result<String> {
        let mask = random()?;
        let plain: [u8; BYTES] = self.hmac(bound)?.finalize().into_bytes().into();
        Ok(URL_SAFE_NO_PAD.encode([mask, xor(plain, mask)].concat()))
    }

    /// Was `token` made with this secret, for this session? Takes the same time whatever the token is.
    pub(super) fn made(&self, token: &Token, bound: Option<&str>) -> bool {
        self.hmac(bound).is_ok_and(|hmac| hmac.verify_slice(&token.0).is_ok())
    }

    fn hmac(&self, bound: Option<&str>) -> Result<Hmac<Sha256>> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0)?;
        hmac.update(b"lback csrf token");
        if let Some(session) = bound {
            hmac.update(b" of ");
            hmac.update(session.as_bytes());
        }
        Ok(hmac)
    }
}

/// A token that came, unmasked.
pub(super) struct Token([u8; BYTES]);

impl Token {
    /// `None` where `text` does not look like a token.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        // Looked at first, so that an enormous one costs nothing.
        if text.len() != TOKEN_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mask, masked) = bytes.split_first_chunk::<BYTES>()?;
        Some(Token(xor(*masked.first_chunk::<BYTES>()?, *mask)))
    }
}

fn xor(mut bytes: [u8; BYTES], mask: [u8; BYTES]) -> [u8; BYTES] {
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    bytes
}

fn random() -> Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| Error::internal("a CSRF token cannot be made: the system has no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_made_twice_and_all_are_good() {
        let secret = Secret::random().unwrap();
        let tokens = [secret.token(None).unwrap(), secret.token(None).unwrap()];
        assert_ne!(tokens[0], tokens[1]);
        assert!(tokens.iter().all(|token| secret.made(&Token::parse(token.as_bytes()).unwrap(), None)));
    }

    #[test]
    fn a_token_is_bound_to_its_secret_and_its_session() {
        let (secret, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        let token = Token::parse(secret.token(Some("a")).unwrap().as_bytes()).unwrap();
        assert!(secret.made(&token, Some("a")));
        assert!(!secret.made(&token, Some("b")) && !secret.made(&token, None) && !other.made(&token, Some("a")));
    }

    #[test]
    fn what_is_no_token_is_not_parsed() {
        let token = Secret::random().unwrap().token(None).unwrap();
        for wrong in ["", "x", &token[1..], &format!("{token}="), &"+".repeat(TOKEN_LENGTH), &"ä".repeat(43), &"x".repeat(1 << 20)] {
            assert!(Token::parse(wrong.as_bytes()).is_none(), "{}", wrong.len());
        }
        assert_eq!(token.len(), TOKEN_LENGTH);
    }

    #[test]
    fn secrets_survive_the_cookie() {
        let secret = Secret::random().unwrap();
        assert_eq!(Secret::from_text(&secret.to_text()).unwrap().0, secret.0);
        assert!(Secret::from_text("c2hvcnQ").is_none());
    }
}
