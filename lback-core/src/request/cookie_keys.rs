//! The keys that sign and encrypt cookies.

use std::fmt;
use std::sync::Arc;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::rand_core::RngCore;
use aes_gcm::aead::{Aead, KeyInit, Nonce, OsRng, Payload};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cookie::{Cookie, CookieJar, Key};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{Error, Result};

/// The keys that sign and encrypt cookies: the current key, followed by retired keys, which still verify and decrypt.
#[derive(Clone)]
pub struct Keys(Arc<Vec<Pair>>);

/// Shows none of the keys.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

struct Pair {
    key: Key,
    /// HMAC-SHA256, initialized with its key.
    signer: Hmac<Sha256>,
}

/// The length of a signature in base64.
const SIGNATURE: usize = 44;

impl Keys {
    /// Derives keys for `purpose` from secrets of at least 32 bytes. The first secret is the current one.
    ///
    /// A value that was signed for one purpose does not verify for another.
    pub fn derive<'a>(purpose: &str, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        // `Key::derive_from` requires 32 bytes. Secrets are checked to be that long; in case one is not, the purpose before it
        // is padded.
        let key = |secret: &str| Key::derive_from(format!("lback {purpose:-<32} {secret}").as_bytes());
        Keys(Arc::new(secrets.into_iter().map(key).map(Pair::of).collect()))
    }

    /// Returns `value` with its signature before it: HMAC-SHA256 in base64.
    ///
    /// ```
    /// # use lback::http::Keys;
    /// let keys = Keys::derive("an example", ["a secret key that is long enough for a test"]);
    /// let signed = keys.sign("apples");
    /// assert_eq!(keys.verify(&signed), Some("apples"));
    /// assert_eq!(keys.verify(&signed.replace("apples", "oranges")), None);
    /// ```
    pub fn sign(&self, value: &str) -> String {
        let Some(pair) = self.0.first() else { return String::new() };
        let mut signed = String::with_capacity(SIGNATURE + value.len());
        STANDARD.encode_string(pair.mac(value).finalize().into_bytes(), &mut signed);
        signed.push_str(value);
        signed
    }

    /// Returns the signed value if its signature was made with any of the keys. Signatures are compared in constant time.
    pub fn verify<'a>(&self, signed: &'a str) -> Option<&'a str> {
        let (signature, value) = signed.split_at_checked(SIGNATURE)?;
        let mut bytes = [0; 33];
        let length = STANDARD.decode_slice(signature, &mut bytes).ok()?;
        let signature = bytes.get(..length)?;
        self.0.iter().any(|pair| pair.mac(value).verify_slice(signature).is_ok()).then_some(value)
    }

    /// Encrypts `value` (AES-256-GCM), so that the client cannot read it.
    pub fn encrypt(&self, name: &str, value: String) -> String {
        let Some(pair) = self.0.first() else { return String::new() };
        let mut jar = CookieJar::new();
        jar.private_mut(&pair.key).add_original(Cookie::new(name.to_owned(), value));
        jar.get(name).map(|cookie| cookie.value().to_owned()).unwrap_or_default()
    }

    /// Decrypts `value` if it was encrypted with any of the keys under this name.
    pub fn decrypt(&self, name: &str, value: &str) -> Option<String> {
        let cookie = Cookie::new(name.to_owned(), value.to_owned());
        let jar = CookieJar::new();
        let opened = self.0.iter().find_map(|pair| jar.private(&pair.key).decrypt(cookie.clone()))?;
        Some(opened.value().to_owned())
    }

    /// Encrypts bytes (AES-256-GCM) into text that is valid in a cookie: a third longer, plus 38 characters.
    ///
    /// ```
    /// # use lback::http::Keys;
    /// let keys = Keys::derive("an example", ["a secret key that is long enough for a test"]);
    /// let sealed = keys.encrypt_bytes("cart", b"apples").unwrap();
    /// assert_eq!(keys.decrypt_bytes("cart", &sealed).unwrap(), b"apples");
    /// assert!(keys.decrypt_bytes("another", &sealed).is_none());
    /// ```
    ///
    /// # Errors
    /// Returns an error if there is no key or the system has no random numbers.
    pub fn encrypt_bytes(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let cannot = || Error::internal("a cookie cannot be encrypted: there is no key, or the system has no random numbers");
        let cipher = self.0.first().and_then(cipher).ok_or_else(cannot)?;
        let mut nonce = Nonce::<Aes256Gcm>::default();
        OsRng.try_fill_bytes(&mut nonce).map_err(|_| cannot())?;
        let sealed = cipher.encrypt(&nonce, Payload { msg: bytes, aad: bytes_context(name).as_bytes() }).map_err(|_| cannot())?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts the bytes if `value` was encrypted with any of the keys under this name.
    pub fn decrypt_bytes(&self, name: &str, value: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let name = bytes_context(name);
        let open = |pair| cipher(pair)?.decrypt(nonce.into(), Payload { msg: sealed, aad: name.as_bytes() }).ok();
        self.0.iter().find_map(open)
    }
}

impl Pair {
    fn of(key: Key) -> Self {
        // HMAC pads its key with zeros to the block size (RFC 2104), so this accepts a key of any length.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(key.signing()).for_each(|(to, from)| *to = *from);
        Pair { signer: hmac::digest::KeyInit::new(&block), key }
    }

    fn mac(&self, value: &str) -> Hmac<Sha256> {
        self.signer.clone().chain_update(value)
    }
}

/// The length of the AES-GCM nonce, which is never used twice.
const NONCE_BYTES: usize = 12;

fn cipher(pair: &Pair) -> Option<Aes256Gcm> {
    Aes256Gcm::new_from_slice(pair.key.encryption()).ok()
}

/// Returns the associated data for bytes, so that text encrypted under the same name is not mistaken for bytes.
fn bytes_context(name: &str) -> String {
    format!("bytes of {name}")
}
