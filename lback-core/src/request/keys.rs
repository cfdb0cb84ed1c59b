//! The keys that keep cookies from being read and forged.

use std::sync::Arc;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::rand_core::RngCore;
use aes_gcm::aead::{Aead, KeyInit, Nonce, OsRng, Payload};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, CookieJar, Key};

use crate::{Error, Result};

/// The keys that sign and encrypt cookies: the current one, then retired ones that still open what they closed.
#[derive(Clone)]
pub struct Keys(Arc<Vec<Key>>);

impl Keys {
    /// Derives keys for `purpose` from secrets of at least 32 bytes; the first is the current one.
    ///
    /// A value that was signed for one purpose does not verify for another.
    pub fn derive<'a>(purpose: &str, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        // `Key::derive_from` insists on 32 bytes; the purpose is put before a secret that is checked to be that long,
        // and padded here in case it is not.
        let key = |secret: &str| Key::derive_from(format!("lback {purpose:-<32} {secret}").as_bytes());
        Keys(Arc::new(secrets.into_iter().map(key).collect()))
    }

    /// Signs `value`.
    pub fn sign(&self, name: &str, value: String) -> String {
        self.seal(name, value, |jar, key, cookie| jar.signed_mut(key).add_original(cookie))
    }

    /// Encrypts `value` (AES-256-GCM), so that the client cannot read it either.
    pub fn encrypt(&self, name: &str, value: String) -> String {
        self.seal(name, value, |jar, key, cookie| jar.private_mut(key).add_original(cookie))
    }

    /// What was signed, if `value` carries a valid signature by any of the keys.
    pub fn verify(&self, name: &str, value: &str) -> Option<String> {
        let cookie = Cookie::new(name.to_owned(), value.to_owned());
        let jar = CookieJar::new();
        let opened = self.0.iter().find_map(|key| jar.signed(key).verify(cookie.clone()))?;
        Some(opened.value().to_owned())
    }

    /// What was encrypted, if `value` was encrypted by any of the keys under this name.
    pub fn decrypt(&self, name: &str, value: &str) -> Option<String> {
        let cookie = Cookie::new(name.to_owned(), value.to_owned());
        let jar = CookieJar::new();
        let opened = self.0.iter().find_map(|key| jar.private(key).decrypt(cookie.clone()))?;
        Some(opened.value().to_owned())
    }

    /// Encrypts bytes (AES-256-GCM) into text that may stand in a cookie: a third longer, and 38 characters.
    ///
    /// ```
    /// # use lback_core::Keys;
    /// let keys = Keys::derive("an example", ["a secret key that is long enough for a test"]);
    /// let sealed = keys.encrypt_bytes("cart", b"apples").unwrap();
    /// assert_eq!(keys.decrypt_bytes("cart", &sealed).unwrap(), b"apples");
    /// assert!(keys.decrypt_bytes("another", &sealed).is_none());
    /// ```
    ///
    /// # Errors
    /// Where there is no key, or the system has no random numbers.
    pub fn encrypt_bytes(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let cannot = || Error::internal("a cookie cannot be encrypted: there is no key, or the system has no random numbers");
        let cipher = self.0.first().and_then(cipher).ok_or_else(cannot)?;
        let mut nonce = Nonce::<Aes256Gcm>::default();
        OsRng.try_fill_bytes(&mut nonce).map_err(|_| cannot())?;
        let sealed = cipher.encrypt(&nonce, Payload { msg: bytes, aad: of_bytes(name).as_bytes() }).map_err(|_| cannot())?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The bytes that were encrypted, if `value` was encrypted by any of the keys under this name.
    pub fn decrypt_bytes(&self, name: &str, value: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let name = of_bytes(name);
        let open = |key| cipher(key)?.decrypt(nonce.into(), Payload { msg: sealed, aad: name.as_bytes() }).ok();
        self.0.iter().find_map(open)
    }

    fn seal(&self, name: &str, value: String, seal: fn(&mut CookieJar, &Key, Cookie<'static>)) -> String {
        let Some(key) = self.0.first() else { return String::new() };
        let mut jar = CookieJar::new();
        seal(&mut jar, key, Cookie::new(name.to_owned(), value));
        jar.get(name).map(|cookie| cookie.value().to_owned()).unwrap_or_default()
    }
}

/// What AES-GCM takes besides the key, never twice the same.
const NONCE_BYTES: usize = 12;

fn cipher(key: &Key) -> Option<Aes256Gcm> {
    Aes256Gcm::new_from_slice(key.encryption()).ok()
}

/// What is sealed with the bytes, so that text which was encrypted under the same name is not taken for them.
fn of_bytes(name: &str) -> String {
    format!("bytes of {name}")
}
