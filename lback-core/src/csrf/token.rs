//! The browser's secret and the tokens that are made from it.

use std::fmt;

use aes_gcm::aead::OsRng;
use aes_gcm::aead::rand_core::RngCore;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{Error, Result};

const BYTES: usize = 32;
/// The length of a mask and the masked value in base64.
const TOKEN_LENGTH: usize = (2 * BYTES * 8).div_ceil(6);

/// The secret that a browser keeps in its cookie.
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

    /// Returns a token with this mask. It is bound to the session `bound`, or to none.
    pub(super) fn token(&self, bound: Option<&str>, Mask(mask): Mask) -> Result<String> {
        let plain: [u8; BYTES] = self.hmac(bound)?.finalize().into_bytes().into();
        Ok(URL_SAFE_NO_PAD.encode([mask, xor(plain, mask)].concat()))
    }

    /// Returns whether `token` was made with this secret for this session. Runs in constant time.
    pub(super) fn verifies(&self, token: &Token, bound: Option<&str>) -> bool {
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

/// A random mask, so that the same token looks different on each page.
#[derive(Clone, Copy)]
pub(crate) struct Mask([u8; BYTES]);

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    pub(crate) fn random() -> Result<Self> {
        random().map(Mask)
    }
}

/// A received token, unmasked.
pub(super) struct Token([u8; BYTES]);

impl Token {
    /// Returns `None` if `text` is malformed.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        // Checked first, so that a huge value costs nothing.
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
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| Error::internal("cannot create a CSRF token: the system's random number generator failed"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_unique_and_valid() {
        let secret = Secret::random().unwrap();
        let tokens = [secret.token(None, Mask::random().unwrap()).unwrap(), secret.token(None, Mask::random().unwrap()).unwrap()];
        assert_ne!(tokens[0], tokens[1]);
        assert!(tokens.iter().all(|token| secret.verifies(&Token::parse(token.as_bytes()).unwrap(), None)));
    }

    #[test]
    fn a_token_is_bound_to_its_secret_and_its_session() {
        let (secret, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        let token = Token::parse(secret.token(Some("a"), Mask::random().unwrap()).unwrap().as_bytes()).unwrap();
        assert!(secret.verifies(&token, Some("a")));
        assert!(!secret.verifies(&token, Some("b")) && !secret.verifies(&token, None) && !other.verifies(&token, Some("a")));
    }

    #[test]
    fn malformed_tokens_are_not_parsed() {
        let token = Secret::random().unwrap().token(None, Mask::random().unwrap()).unwrap();
        for wrong in ["", "x", &token[1..], &format!("{token}="), &"+".repeat(TOKEN_LENGTH), &"ä".repeat(43), &"x".repeat(1 << 20)] {
            assert!(Token::parse(wrong.as_bytes()).is_none(), "{}", wrong.len());
        }
        assert_eq!(token.len(), TOKEN_LENGTH);
    }

    #[test]
    fn secrets_survive_the_round_trip_through_a_cookie() {
        let secret = Secret::random().unwrap();
        assert_eq!(Secret::from_text(&secret.to_text()).unwrap().0, secret.0);
        assert!(Secret::from_text("c2hvcnQ").is_none());
    }
}
