//! Cookies that came with a request, and those that its response will set. RFC 6265.

use cookie::Cookie;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::keys::Keys;

/// The most cookies that are read from one request.
const MAX_COOKIES: usize = 128;

/// What a cookie's value cannot hold as it is.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// The cookies of one request and its response.
pub struct Cookies {
    /// Names and values.
    received: Vec<(String, String)>,
    pending: Vec<Cookie<'static>>,
    keys: Keys,
}

impl Cookies {
    pub(crate) fn parse(headers: &HeaderMap, keys: &Keys) -> Self {
        let values = headers.get_all(header::COOKIE).iter();
        // By bytes, so that one cookie that is not text does not hide the others.
        let pairs = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let texts = pairs.filter_map(|pair| std::str::from_utf8(pair).ok());
        let received = texts.filter_map(pair).take(MAX_COOKIES).collect();
        Cookies { received, pending: Vec::new(), keys: keys.clone() }
    }

    /// The value of the cookie `name`: as it will be after this response if it was added here, else as it came.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.pending.iter().rfind(|cookie| cookie.name() == name) {
            Some(cookie) if is_removal(cookie) => None,
            Some(cookie) => Some(cookie.value()),
            None => self.received(name).next(),
        }
    }

    /// Every value that came under this name, in order: a browser sends several where paths or domains overlap.
    pub fn received(&self, name: &str) -> impl Iterator<Item = &str> {
        self.received.iter().filter(move |(received, _)| received == name).map(|(_, value)| value.as_str())
    }

    /// Sends `cookie` with the response. Without a path of its own it gets `/`, and is `HttpOnly` and `SameSite=Lax`
    /// unless it says otherwise.
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        if cookie.path().is_none() {
            cookie.set_path("/");
        }
        if cookie.http_only().is_none() {
            cookie.set_http_only(true);
        }
        if cookie.same_site().is_none() {
            cookie.set_same_site(cookie::SameSite::Lax);
        }
        let same = |old: &Cookie<'_>| (old.name(), old.path(), old.domain()) == (cookie.name(), cookie.path(), cookie.domain());
        self.pending.retain(|old| !same(old));
        self.pending.push(cookie);
    }

    /// Tells the client to forget a cookie. Name, path and domain must be those it was set with; a name alone means `/`.
    pub fn remove(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        cookie.make_removal();
        self.add(cookie);
    }

    /// Cookies that the client can read and cannot forge.
    pub fn signed(&mut self) -> SignedCookies<'_> {
        SignedCookies(self)
    }

    /// Cookies that the client can neither read nor forge.
    pub fn private(&mut self) -> PrivateCookies<'_> {
        PrivateCookies(self)
    }

    /// The first value under `name` that `open` accepts: a neighbouring domain can plant a cookie before ours.
    fn open(&self, name: &str, open: impl Fn(&Keys, &str) -> Option<String>) -> Option<String> {
        match self.pending.iter().any(|cookie| cookie.name() == name) {
            true => open(&self.keys, self.get(name)?),
            false => self.received(name).find_map(|sealed| open(&self.keys, sealed)),
        }
    }

    /// Forgets what was added and removed.
    pub(crate) fn discard(&mut self) {
        self.pending.clear();
    }

    /// Writes what was added and removed into a response's headers, once.
    pub(crate) fn write(&mut self, headers: &mut HeaderMap) {
        for cookie in self.pending.drain(..) {
            let name = cookie.name().to_owned();
            match header_value(cookie) {
                Some(value) => drop(headers.append(header::SET_COOKIE, value)),
                None => tracing::error!(cookie = name, "a cookie could not be sent: its name, path or domain is not valid"),
            }
        }
    }
}

/// The value of the `Set-Cookie` header for `cookie`; `None` where it could not stand in one.
pub(crate) fn header_value(mut cookie: Cookie<'_>) -> Option<HeaderValue> {
    // A name is sent as it is or not at all, as it is not decoded either.
    HeaderName::from_bytes(cookie.name().as_bytes()).ok()?;
    if [cookie.path(), cookie.domain()].into_iter().flatten().any(|attribute| attribute.contains(';')) {
        return None;
    }
    let value = utf8_percent_encode(cookie.value(), VALUE).to_string();
    cookie.set_value(value);
    HeaderValue::from_str(&cookie.to_string()).ok()
}

/// One `name=value` of a `Cookie` header. The name is not decoded: `__%48ost-id` must not become `__Host-id`, which
/// browsers protect.
fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?.into_owned();
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), value))
}

fn is_removal(cookie: &Cookie<'_>) -> bool {
    cookie.max_age().is_some_and(|age| age.is_zero())
}

/// [`Cookies`] whose values carry a signature (HMAC-SHA256 by `SECRET_KEY`).
pub struct SignedCookies<'a>(&'a mut Cookies);

impl SignedCookies<'_> {
    /// The value, if the cookie came and its signature is right: the first such one where several came.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.open(name, |keys, sealed| bound(name, keys.verify(sealed)?))
    }

    /// Signs `cookie` and sends it with the response.
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        // The name is signed too, so that a value cannot be moved to another cookie.
        let sealed = self.0.keys.sign(&format!("{}={}", cookie.name(), cookie.value()));
        cookie.set_value(sealed);
        self.0.add(cookie);
    }
}

fn bound(name: &str, value: &str) -> Option<String> {
    Some(value.strip_prefix(name)?.strip_prefix('=')?.to_owned())
}

/// [`Cookies`] whose values are encrypted (AES-256-GCM by `SECRET_KEY`).
pub struct PrivateCookies<'a>(&'a mut Cookies);

impl PrivateCookies<'_> {
    /// The value, if the cookie came and was encrypted here: the first such one where several came.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.open(name, |keys, sealed| keys.decrypt(name, sealed))
    }

    /// Encrypts `cookie` and sends it with the response.
    pub fn add(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        let sealed = self.0.keys.encrypt(cookie.name(), cookie.value().to_owned());
        cookie.set_value(sealed);
        self.0.add(cookie);
    }
}
