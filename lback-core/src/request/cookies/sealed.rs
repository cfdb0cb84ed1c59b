//! Signed and encrypted cookies, and their expiry.
//!
//! The expiry is sealed together with the value, as text before it: a browser is free to ignore `Max-Age`.

use chrono::{DateTime, Utc};
use cookie::Cookie;

use super::Cookies;

/// [`Cookies`] whose values carry a signature (HMAC-SHA256 by `SECRET_KEY`).
///
/// A cookie with a `Max-Age` (or `Expires`) is rejected after that time, even if a client still sends it. A cookie without one
/// is valid as long as the key.
///
/// ```
/// # use lback::Request;
/// use lback::http::{Cookie, CookieDuration};
///
/// fn invite(req: &mut Request) {
///     req.cookies().signed().add(Cookie::build(("invited_by", "alice")).max_age(CookieDuration::days(7)));
/// }
///
/// fn register(req: &mut Request) -> String {
///     req.cookies().signed().get("invited_by").unwrap_or_default()
/// }
/// ```
#[derive(Debug)]
pub struct SignedCookies<'a>(pub(super) &'a mut Cookies);

impl SignedCookies<'_> {
    /// Returns the value if the client sent the cookie, its signature is valid and it has not expired. If there are several
    /// such cookies, returns the first one.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.open(name, |sealed| {
            let signed = self.0.keys.verify(sealed)?;
            match named(signed, name) {
                Some(value) => Some(value.to_owned()),
                // A cookie's name cannot contain a colon.
                None => {
                    let (end, rest) = signed.split_once(':')?;
                    self.0.is_before(end).then(|| named(rest, name).map(str::to_owned))?
                }
            }
        })
    }

    /// Signs `cookie` and sends it with the response.
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        // The name is signed as well, so that a value cannot be moved to another cookie.
        let named = format!("{}={}", cookie.name(), cookie.value());
        let sealed = match self.0.expiry(&cookie) {
            Some(end) => self.0.keys.sign(&format!("{end}:{named}")),
            None => self.0.keys.sign(&named),
        };
        cookie.set_value(sealed);
        self.0.add_sealed(cookie);
    }
}

/// Returns the text after `name=`.
fn named<'a>(signed: &'a str, name: &str) -> Option<&'a str> {
    signed.strip_prefix(name)?.strip_prefix('=')
}

/// [`Cookies`] whose values are encrypted (AES-256-GCM by `SECRET_KEY`).
///
/// Like [signed cookies](SignedCookies), they expire after their `Max-Age`.
#[derive(Debug)]
pub struct PrivateCookies<'a>(pub(super) &'a mut Cookies);

impl PrivateCookies<'_> {
    /// Returns the value if the client sent the cookie, it was encrypted with one of our keys and has not expired. If there are
    /// several such cookies, returns the first one.
    pub fn get(&self, name: &str) -> Option<String> {
        let expiring_name = expiring_name(name);
        self.0.open(name, |sealed| {
            self.0.keys.decrypt(name, sealed).or_else(|| {
                let opened = self.0.keys.decrypt(&expiring_name, sealed)?;
                let (end, value) = opened.split_once(':')?;
                self.0.is_before(end).then(|| value.to_owned())
            })
        })
    }

    /// Encrypts `cookie` and sends it with the response.
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        let (name, value) = (cookie.name(), cookie.value());
        let sealed = match self.0.expiry(&cookie) {
            Some(end) => self.0.keys.encrypt(&expiring_name(name), format!("{end}:{value}")),
            None => self.0.keys.encrypt(name, value.to_owned()),
        };
        cookie.set_value(sealed);
        self.0.add_sealed(cookie);
    }
}

/// Returns the name under which a value with an expiry is encrypted, so that a value without one is never mistaken for it. A
/// cookie's name cannot contain a space.
fn expiring_name(name: &str) -> String {
    format!("{name} that ends")
}

impl Cookies {
    /// Returns the expiry of `cookie` in milliseconds, or `None` if it does not expire. `Max-Age` takes precedence over
    /// `Expires` (RFC 6265, 4.1.2.2).
    fn expiry(&self, cookie: &Cookie<'_>) -> Option<i64> {
        match (cookie.max_age(), cookie.expires_datetime()) {
            (Some(age), _) => {
                let age = age.whole_milliseconds().clamp(i64::MIN.into(), i64::MAX.into()) as i64;
                Some(self.clock.now().timestamp_millis().saturating_add(age))
            }
            (None, Some(expires)) => Some(expires.unix_timestamp().saturating_mul(1000)),
            (None, None) => None,
        }
    }

    /// Returns whether `end`, in milliseconds, is in the future.
    fn is_before(&self, end: &str) -> bool {
        let now: DateTime<Utc> = self.clock.now();
        end.parse().is_ok_and(|end: i64| now.timestamp_millis() < end)
    }
}
