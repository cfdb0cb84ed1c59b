//! The cookies of a test's browser. RFC 6265, section 5.3 and 5.4, without the list of public suffixes.

use chrono::{DateTime, TimeDelta, Utc};
use cookie::Cookie;
use hyper::header::{self, HeaderMap};
use percent_encoding::percent_decode_str;

/// Cookies, oldest first. Their values are kept as they came, so that they go back unchanged.
#[derive(Default)]
pub(super) struct Jar(Vec<Kept>);

struct Kept {
    cookie: Cookie<'static>,
    /// The host that set it, and any below it if `below`. No host means all.
    host: Option<String>,
    below: bool,
    path: String,
    expires: Option<DateTime<Utc>>,
}

impl Kept {
    fn is_current(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn fits(&self, host: &str, path: &str) -> bool {
        self.host.as_deref().is_none_or(|own| own == host || (self.below && is_below(host, own))) && is_under(path, &self.path)
    }
}

impl Jar {
    /// Takes the cookies of a response to a request of `path` at `host`.
    pub(super) fn take(&mut self, headers: &HeaderMap, host: &str, path: &str, now: DateTime<Utc>) {
        for value in headers.get_all(header::SET_COOKIE) {
            if let Some(cookie) = value.to_str().ok().and_then(|text| Cookie::parse(text.to_owned()).ok())
                && let Some(kept) = keep(cookie, host, path, now)
            {
                let same = |old: &Kept| (old.cookie.name(), &old.host, &old.path) == (kept.cookie.name(), &kept.host, &kept.path);
                self.0.retain(|old| !same(old));
                if kept.is_current(now) {
                    self.0.push(kept);
                }
            }
        }
    }

    /// Sets a cookie for every host and path, instead of any of that name.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        self.0.retain(|old| old.cookie.name() != name);
        let cookie = Cookie::new(name.to_owned(), encode(name, value));
        self.0.push(Kept { cookie, host: None, below: false, path: "/".to_owned(), expires: None });
    }

    /// The `Cookie` header for a request of `path` at `host`: longer paths first. `None` where no cookie fits.
    pub(super) fn header(&self, host: &str, path: &str, now: DateTime<Utc>) -> Option<String> {
        let mut fitting: Vec<&Kept> = self.0.iter().filter(|kept| kept.is_current(now) && kept.fits(host, path)).collect();
        fitting.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = fitting.iter().map(|kept| format!("{}={}", kept.cookie.name(), kept.cookie.value())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(super) fn all(&self, now: DateTime<Utc>) -> Vec<Cookie<'static>> {
        let current = self.0.iter().filter(|kept| kept.is_current(now));
        current.map(|kept| decoded(kept.cookie.clone())).collect()
    }
}

/// What a browser keeps of a cookie; `None` where it refuses it.
fn keep(cookie: Cookie<'static>, host: &str, path: &str, now: DateTime<Utc>) -> Option<Kept> {
    let domain = cookie.domain().map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
    if domain.as_ref().is_some_and(|domain| domain != host && !is_below(host, domain)) {
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
    Some(Kept { below: domain.is_some(), host: Some(domain.unwrap_or_else(|| host.to_owned())), path, expires, cookie })
}

/// The folder of `path`.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn is_under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| folder.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// `value` as a cookie carries it.
pub(super) fn encode(name: &str, value: &str) -> String {
    let cookie = Cookie::new(name.to_owned(), value.to_owned());
    cookie.encoded().stripped().to_string().split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default()
}

/// The cookie with its value percent-decoded, as the application gave it.
pub(super) fn decoded(mut cookie: Cookie<'static>) -> Cookie<'static> {
    let value = percent_decode_str(cookie.value()).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    if let Some(value) = value {
        cookie.set_value(value);
    }
    cookie
}
