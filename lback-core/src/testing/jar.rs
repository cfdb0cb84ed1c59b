//! The cookies of a test client. Follows RFC 6265, sections 5.3 and 5.4, without the public suffix list.

use chrono::{DateTime, TimeDelta, Utc};
use cookie::Cookie;
use hyper::header::{self, HeaderMap};
use percent_encoding::percent_decode_str;

/// Cookies, oldest first. Their values are stored as received, so that they are sent back unchanged.
#[derive(Default)]
pub(super) struct Jar(Vec<Stored>);

struct Stored {
    cookie: Cookie<'static>,
    /// The host that the cookie is sent to, or `None` for all hosts.
    host: Option<String>,
    /// Whether it is also sent to subdomains of the host.
    subdomains: bool,
    path: String,
    expires: Option<DateTime<Utc>>,
}

impl Stored {
    fn is_current(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn matches(&self, host: &str, path: &str) -> bool {
        self.host.as_deref().is_none_or(|own| own == host || (self.subdomains && is_subdomain(host, own))) && is_under(path, &self.path)
    }
}

impl Jar {
    /// Stores the cookies of a response to a request for `path` at `host`.
    pub(super) fn store(&mut self, headers: &HeaderMap, host: &str, path: &str, now: DateTime<Utc>) {
        for value in headers.get_all(header::SET_COOKIE) {
            if let Some(cookie) = value.to_str().ok().and_then(|text| Cookie::parse(text.to_owned()).ok())
                && let Some(stored) = accept(cookie, host, path, now)
            {
                let same = |old: &Stored| (old.cookie.name(), &old.host, &old.path) == (stored.cookie.name(), &stored.host, &stored.path);
                self.0.retain(|old| !same(old));
                if stored.is_current(now) {
                    self.0.push(stored);
                }
            }
        }
    }

    /// Sets a cookie for all hosts and paths. It replaces all cookies of the same name.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|old| old.cookie.name() != name);
        let cookie = Cookie::new(name.to_owned(), encode(name, value));
        self.0.push(Stored { cookie, host: None, subdomains: false, path: "/".to_owned(), expires: None });
    }

    /// Returns the `Cookie` header for a request for `path` at `host`, with longer paths first, or `None` if no cookie matches.
    pub(super) fn header(&self, host: &str, path: &str, now: DateTime<Utc>) -> Option<String> {
        let mut matching: Vec<&Stored> = self.0.iter().filter(|stored| stored.is_current(now) && stored.matches(host, path)).collect();
        matching.sort_by_key(|stored| std::cmp::Reverse(stored.path.len()));
        let pairs: Vec<String> = matching.iter().map(|stored| format!("{}={}", stored.cookie.name(), stored.cookie.value())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(super) fn all(&self, now: DateTime<Utc>) -> Vec<Cookie<'static>> {
        let current = self.0.iter().filter(|stored| stored.is_current(now));
        current.map(|stored| decoded(stored.cookie.clone())).collect()
    }
}

/// Returns what a browser stores for a cookie, or `None` if it refuses the cookie.
fn accept(cookie: Cookie<'static>, host: &str, path: &str, now: DateTime<Utc>) -> Option<Stored> {
    let domain = cookie.domain().map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
    if domain.as_ref().is_some_and(|domain| domain != host && !is_subdomain(host, domain)) {
        return None;
    }
    let own_path = cookie.path().filter(|path| path.starts_with('/'));
    let secure = cookie.secure() == Some(true);
    let refused = match cookie.name() {
        name if name.starts_with("__Host-") => !secure || domain.is_some() || own_path != Some("/"),
        name if name.starts_with("__Secure-") => !secure,
        _ => false,
    };
    if refused {
        return None;
    }
    let path = own_path.unwrap_or_else(|| default_path(path)).to_owned();
    let after = |seconds| TimeDelta::try_seconds(seconds).and_then(|age| now.checked_add_signed(age)).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let expires = match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => Some(after(age.whole_seconds())),
        (None, Some(expires)) => DateTime::from_timestamp(expires.unix_timestamp(), 0),
        (None, None) => None,
    };
    Some(Stored { subdomains: domain.is_some(), host: Some(domain.unwrap_or_else(|| host.to_owned())), path, expires, cookie })
}

/// Returns the folder of `path`.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

fn is_subdomain(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn is_under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| folder.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// Encodes `value` for a cookie.
pub(super) fn encode(name: &str, value: &str) -> String {
    let cookie = Cookie::new(name.to_owned(), value.to_owned());
    cookie.encoded().stripped().to_string().split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default()
}

/// Returns the cookie with its value percent-decoded, as the application has set it.
pub(super) fn decoded(mut cookie: Cookie<'static>) -> Cookie<'static> {
    let value = percent_decode_str(cookie.value()).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    if let Some(value) = value {
        cookie.set_value(value);
    }
    cookie
}
