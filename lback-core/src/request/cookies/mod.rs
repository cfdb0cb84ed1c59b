//! The cookies of a request, and those that its response sets (RFC 6265).

mod received;
mod sealed;

use std::fmt;

use cookie::Cookie;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cookie_keys::Keys;
use crate::Clock;
use received::Received;
pub use sealed::{PrivateCookies, SignedCookies};

/// Characters that are escaped in the value of a cookie.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// The cookies of one request and its response.
pub struct Cookies {
    received: Received,
    pending: Vec<Cookie<'static>>,
    /// Whether an added cookie is signed or encrypted, and therefore meant for this visitor.
    sealed: bool,
    /// Complete `Set-Cookie` headers.
    headers: Vec<(HeaderValue, CookieSent)>,
    keys: Keys,
    clock: Clock,
}

/// Shows no cookies: they may hold tokens.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

/// When a `Set-Cookie` header is sent; see [`Cookies::add_header`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieSent {
    /// Unless the final status is 500 or above.
    UnlessFailed,
    /// With every response.
    Always,
}

impl Cookies {
    pub(crate) fn parse(headers: &HeaderMap, keys: &Keys, clock: &Clock) -> Self {
        let received = Received::parse(headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes));
        Cookies { received, pending: Vec::new(), sealed: false, headers: Vec::new(), keys: keys.clone(), clock: clock.clone() }
    }

    /// Returns the value of the cookie `name`: the new value if the cookie was added here, otherwise the received one.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.pending.iter().rfind(|cookie| cookie.name() == name) {
            Some(cookie) if is_removal(cookie) => None,
            Some(cookie) => Some(cookie.value()),
            None => self.received(name).next(),
        }
    }

    /// Returns every received value of this name, in order. A browser sends several if paths or domains overlap.
    pub fn received(&self, name: &str) -> impl Iterator<Item = &str> {
        self.received.iter().filter(move |(received, _)| *received == name).map(|(_, value)| value)
    }

    /// Sends `cookie` with the response. If it has no path, the path is `/`. It is `HttpOnly` and `SameSite=Lax` unless it says
    /// otherwise.
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

    /// Tells the client to delete a cookie. Name, path and domain must be those that it was set with; a name alone implies the
    /// path `/`.
    pub fn remove(&mut self, cookie: impl Into<Cookie<'static>>) {
        let mut cookie = cookie.into();
        cookie.make_removal();
        self.add(cookie);
    }

    /// Returns the cookies that the client can read but not forge.
    pub fn signed(&mut self) -> SignedCookies<'_> {
        SignedCookies(self)
    }

    /// Returns the cookies that the client can neither read nor forge.
    pub fn private(&mut self) -> PrivateCookies<'_> {
        PrivateCookies(self)
    }

    /// Sends a complete `Set-Cookie` header with the response, for middleware that formats its cookies itself. Unlike other cookies,
    /// it is not discarded when the view fails: whether it is sent depends on `sent` and on the final status. [`get`](Self::get)
    /// does not return it.
    pub fn add_header(&mut self, value: HeaderValue, sent: CookieSent) {
        self.headers.push((value, sent));
    }

    /// Returns the first value of `name` that `open` accepts: a neighbouring domain can plant a cookie before ours.
    fn open(&self, name: &str, open: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self.pending.iter().any(|cookie| cookie.name() == name) {
            true => open(self.get(name)?),
            false => self.received(name).find_map(open),
        }
    }

    fn add_sealed(&mut self, cookie: Cookie<'static>) {
        self.sealed = true;
        self.add(cookie);
    }

    /// Forgets the cookies that the client has sent.
    pub(super) fn forget_received(&mut self) {
        self.received = Received::default();
    }

    /// Returns whether a signed or encrypted cookie was added.
    pub(crate) fn adds_sealed(&self) -> bool {
        self.sealed
    }

    /// Returns the number of cookies that will be sent.
    pub(crate) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Discards the added and removed cookies.
    pub(crate) fn discard(&mut self) {
        self.pending.clear();
        self.sealed = false;
    }

    /// Writes the cookies to the headers of a response, once. If the request has `failed`, writes only those that are always sent.
    pub(crate) fn write(&mut self, headers: &mut HeaderMap, failed: bool) {
        for (value, sent) in self.headers.drain(..) {
            if !failed || sent == CookieSent::Always {
                headers.append(header::SET_COOKIE, value);
            }
        }
        if failed {
            self.discard();
        }
        for cookie in self.pending.drain(..) {
            let name = cookie.name().to_owned();
            match header_value(cookie) {
                Some(value) => drop(headers.append(header::SET_COOKIE, value)),
                None => tracing::error!(cookie = name, "a cookie could not be sent: its name, path or domain is not valid"),
            }
        }
    }
}

/// Returns the value of the `Set-Cookie` header for `cookie`, or `None` if the cookie cannot be represented.
pub(crate) fn header_value(mut cookie: Cookie<'_>) -> Option<HeaderValue> {
    // A name is never encoded, because it is not decoded either.
    HeaderName::from_bytes(cookie.name().as_bytes()).ok()?;
    if [cookie.path(), cookie.domain()].into_iter().flatten().any(|attribute| attribute.contains(';')) {
        return None;
    }
    let value = utf8_percent_encode(cookie.value(), VALUE).to_string();
    cookie.set_value(value);
    HeaderValue::from_str(&cookie.to_string()).ok()
}

fn is_removal(cookie: &Cookie<'_>) -> bool {
    cookie.max_age().is_some_and(|age| age.is_zero())
}
