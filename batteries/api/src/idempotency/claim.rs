//! The key that a client sends, and the request for which it stands.

use lback_auth::RequestAuth;
use lback_core::header::{HeaderMap, HeaderName};
use lback_core::{Error, Request, Result};
use sha2::{Digest, Sha256};

/// The header with the key.
pub(super) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The maximum number of characters of a key.
pub(crate) const MOST_CHARACTERS: usize = 255;

/// Returns the key that the client has sent. It is a text in quotes, as in structured headers (RFC 8941). Many clients leave out the
/// quotes, which makes no difference.
///
/// # Errors
/// Returns 400 if the header is empty, too long, sent twice, or has other characters than those of keys.
pub(super) fn sent_key(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let is_one = values.next().is_none();
    let key = value.to_str().ok().map(str::trim).filter(|_| is_one).and_then(|text| match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(text),
    });
    let is_valid = |key: &&str| {
        (1..=MOST_CHARACTERS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
    };
    match key.filter(is_valid) {
        Some(key) => Ok(Some(key)),
        None => {
            let message = format!(
                "The header Idempotency-Key is a text of 1 to {MOST_CHARACTERS} letters, digits and signs, such as \
                 \"8e03978e-40d5-43dd-bc93-6894a57f9324\", and is sent once."
            );
            Err(Error::bad_request(message).with_code("idempotency_key_invalid"))
        }
    }
}

/// A request with a key, in digests of the same size for all requests.
#[derive(Clone)]
pub(super) struct Claim {
    /// A digest of the user, the operation and the key.
    pub(super) id: String,
    /// A digest of the path and the body.
    pub(super) fingerprint: String,
}

impl Claim {
    /// Describes a request.
    ///
    /// # Errors
    /// Returns 503 if the user cannot be read.
    pub(super) fn of(req: &mut Request, key: &str) -> Result<Self> {
        // An application without users has visitors only.
        let user = if req.auth().is_ok() { req.user_id()? } else { None };
        let user = user.map_or_else(String::new, |id| id.to_string());
        let route = req.route().map(|route| route.pattern().to_owned()).unwrap_or_default();
        let id = digest(&[user.as_bytes(), req.method().as_str().as_bytes(), route.as_bytes(), key.as_bytes()]);
        let fingerprint = digest(&[req.path_and_query().as_bytes(), req.body()]);
        Ok(Claim { id, fingerprint })
    }
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize())
}
