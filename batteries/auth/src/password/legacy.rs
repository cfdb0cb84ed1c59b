//! Hashes of other frameworks, which are checked, and replaced at the next login.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// More iterations than any of these frameworks uses.
const MAX_ITERATIONS: u32 = 20_000_000;
const MAX_BCRYPT_COST: u32 = 18;

/// A parsed hash.
pub(super) enum Legacy<'a> {
    /// `pbkdf2_sha256$iterations$salt$hash` of Django.
    Pbkdf2 { iterations: u32, salt: &'a str, hash: Vec<u8> },
    /// `$2b$…` of Python Lback, and `bcrypt$$2b$…` of Django.
    Bcrypt(&'a str),
    /// `bcrypt_sha256$$2b$…` of Django: bcrypt of the SHA-256 in hexadecimal.
    BcryptSha256(&'a str),
}

impl<'a> Legacy<'a> {
    /// Returns `None` if the hash has another format.
    pub(super) fn of(hash: &'a str) -> Option<Self> {
        if let Some(rest) = hash.strip_prefix("pbkdf2_sha256$") {
            let mut parts = rest.split('$');
            let iterations = parts.next()?.parse().ok().filter(|count| (1..=MAX_ITERATIONS).contains(count))?;
            let (salt, hash) = (parts.next()?, STANDARD.decode(parts.next()?).ok()?);
            let complete = parts.next().is_none() && hash.len() == 32;
            return complete.then_some(Legacy::Pbkdf2 { iterations, salt, hash });
        }
        if let Some(rest) = hash.strip_prefix("bcrypt_sha256$") {
            return is_bcrypt(rest).then_some(Legacy::BcryptSha256(rest));
        }
        let rest = hash.strip_prefix("bcrypt$").unwrap_or(hash);
        is_bcrypt(rest).then_some(Legacy::Bcrypt(rest))
    }

    /// Returns the salt as it is written. With bcrypt, it is 22 characters after `$2b$12$`.
    pub(super) fn salt(&self) -> &str {
        match self {
            Legacy::Pbkdf2 { salt, .. } => salt,
            Legacy::Bcrypt(hash) | Legacy::BcryptSha256(hash) => hash.get(7..29).unwrap_or_default(),
        }
    }

    pub(super) fn matches(&self, password: &str) -> bool {
        match self {
            Legacy::Pbkdf2 { iterations, salt, hash } => {
                let mut computed = [0; 32];
                let done = pbkdf2::pbkdf2::<pbkdf2::hmac::Hmac<Sha256>>(password.as_bytes(), salt.as_bytes(), *iterations, &mut computed);
                // Compared in constant time.
                let differing = computed.iter().zip(hash).fold(0, |differing, (one, other)| differing | (one ^ other));
                done.is_ok() && differing == 0
            }
            Legacy::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Legacy::BcryptSha256(hash) => {
                let mut digest = String::with_capacity(64);
                for byte in Sha256::digest(password) {
                    // Writing to a String cannot fail.
                    let _ = write!(digest, "{byte:02x}");
                }
                bcrypt::verify(digest, hash).unwrap_or(false)
            }
        }
    }
}

/// Returns whether a hash consists of a prefix such as `$2b$12$` and 53 characters.
fn is_bcrypt(hash: &str) -> bool {
    let begins = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|version| hash.starts_with(version));
    let cost = hash.get(4..6).and_then(|cost| cost.parse().ok());
    begins && hash.len() == 60 && hash.is_ascii() && cost.is_some_and(|cost: u32| (4..=MAX_BCRYPT_COST).contains(&cost))
}
