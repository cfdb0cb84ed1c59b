//! Cookies that are signed or encrypted, and those of them that end.
//!
//! When a cookie ends is sealed in with its value, as text before it: a browser is free to ignore `Max-Age`.

use chrono::{DateTime, Utc};
use cookie::Cookie;

use super::Cookies;

/// [`Cookies`] whose values carry a signature (HMAC-SHA256 by `SECRET_KEY`).
///
/// A cookie that is added with a `Max-Age` (or `Expires`) is refused when that time has passed, whoever still sends it; one
/// without is good for as long as the key is.
///
/// ```
/// # use lback_core::Request;
/// use lback_core::{Cookie, CookieDuration};
///
/// fn invite(req: &mut Request) {
///     req.cookies().signed().add(Cookie::build(("invited_by", "alice")).max_age(CookieDuration::days(7)));
/// }
///
/// fn register(req: &mut Request) -> String {
///     req.cookies().signed().get("invited_by").unwrap_or("nobody".to_owned())
/// }
/// ```
pub struct SignedCookies<'a>(pub(super) &'a mut Cookies);

impl SignedCookies<'_> {
    /// The value, if the cookie came, its signature is right and it has not ended: the first such one where several came.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.open(name, |sealed| {
            let signed = self.0.keys.verify(sealed)?;
            match named(signed, name) {
                Some(value) => Some(value.to_owned()),
                // No cookie's name has a colon.
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
        // The name is signed too, so that a value cannot be moved to another cookie.
        let named = format!("{}={}", cookie.name(), cookie.value());
        let sealed = match self.0.end_of(&cookie) {
            Some(end) => self.0.keys.sign(&format!("{end}:{named}")),
            None => self.0.keys.sign(&named),
        };
        cookie.set_value(sealed);
        self.0.add_sealed(cookie);
    }
}

/// What follows `name=`.
fn named<'a>(signed: &'a str, name: &str) -> Option<&'a str> {
    signed.strip_prefix(name)?.strip_prefix('=')
}

/// [`Cookies`] whose values are encrypted (AES-256-GCM by `SECRET_KEY`).
///
/// Like [signed](SignedCookies) ones, they end with their `Max-Age`.
pub struct PrivateCookies<'a>(pub(super) &'a mut Cookies);

impl PrivateCookies<'_> {
    /// The value, if the cookie came, was encrypted here and has not ended: the first such one where several came.
    pub fn get(&self, name: &str) -> Option<String> {
        let ending = ending(name);
        self.0.open(name, |sealed| {
            self.0.keys.decrypt(name, sealed).or_else(|| {
                let opened = self.0.keys.decrypt(&ending, sealed)?;
                let (end, value) = opened.split_once(':')?;
                self.0.is_before(end).then(|| value.to_owned())
            })
        })
    }

    /// Encrypts `cookie` and sends it with the response.
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        let (name, value) = (cookie.name(), cookie.value());
        let sealed = match self.0.end_of(&cookie) {
            Some(end) => self.0.keys.encrypt(&ending(name), format!("{end}:{value}")),
            None => self.0.keys.encrypt(name, value.to_owned()),
        };
        cookie.set_value(sealed);
        self.0.add_sealed(cookie);
    }
}

/// What a value is encrypted under that has its end before it, so that one without is never taken for it. No cookie's name
/// has a space.
fn ending(name: &str) -> String {
    format!("{name} that ends")
}

impl Cookies {
    /// When `cookie` ends, in milliseconds; `None` if it does not. `Max-Age` counts before `Expires` (RFC 6265, 4.1.2.2).
    fn end_of(&self, cookie: &Cookie<'_>) -> Option<i64> {
        match (cookie.max_age(), cookie.expires_datetime()) {
            (Some(age), _) => {
                let age = age.whole_milliseconds().clamp(i64::MIN.into(), i64::MAX.into()) as i64;
                Some(self.clock.now().timestamp_millis().saturating_add(age))
            }
            (None, Some(expires)) => Some(expires.unix_timestamp().saturating_mul(1000)),
            (None, None) => None,
        }
    }

    /// Returns whether it is before `end`, in milliseconds.
    fn is_before(&self, end: &str) -> bool {
        let now: DateTime<Utc> = self.clock.now();
        end.parse().is_ok_and(|end: i64| now.timestamp_millis() < end)
    }
}
