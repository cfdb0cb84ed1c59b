//! The session cookie, which carries the id of a session, or the whole session ([`sealed`]).

pub(crate) mod sealed;

use chrono::{DateTime, Utc};
use lback_core::header::HeaderValue;
use lback_core::{Cookies, Error, Keys, Result};

use crate::{Expiry, SessionConfig, SessionId};

/// Maximum number of ids from cookies that are looked up for one request.
const MAX_TRIES: usize = 4;
/// Maximum length of a sealed id.
const MAX_LENGTH: usize = 256;

/// Returns the ids in the first cookies with a valid signature, without duplicates. A browser sends several if paths or domains
/// overlap; the first one that is alive counts.
pub(crate) fn read(cookies: &Cookies, config: &SessionConfig, keys: &Keys) -> Vec<SessionId> {
    let signed = cookies.received(&config.cookie_name).filter_map(|value| open(value, config, keys));
    let mut ids = Vec::new();
    for id in signed {
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() == MAX_TRIES {
            break;
        }
    }
    ids
}

pub(crate) fn open(value: &str, config: &SessionConfig, keys: &Keys) -> Option<SessionId> {
    if value.len() > MAX_LENGTH {
        return None;
    }
    match config.cookie_encrypted {
        true => keys.decrypt(&config.cookie_name, value)?.parse().ok(),
        false => keys.verify(value)?.parse().ok(),
    }
}

/// Returns the value of the cookie for an id.
pub(crate) fn seal(id: SessionId, config: &SessionConfig, keys: &Keys) -> String {
    let id = id.to_string();
    if config.cookie_encrypted { keys.encrypt(&config.cookie_name, id) } else { keys.sign(&id) }
}

/// Returns the `Set-Cookie` header that gives the browser this value, for a session with this expiry of its own.
pub(crate) fn header(
    config: &SessionConfig,
    value: &str,
    expiry: Expiry,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<HeaderValue> {
    header_of(text(config, value, max_age(config, expiry, expires_at, now)))
}

/// Returns the Max-Age in seconds; with `None`, the browser forgets the cookie when it is closed. A session with its own expiry, such
/// as that of a user who wants to be remembered, outlasts the browser.
fn max_age(config: &SessionConfig, expiry: Expiry, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
    (!config.expire_at_browser_close || !expiry.is_default()).then(|| ((expires_at - now).num_milliseconds().max(0) + 999) / 1000)
}

/// Returns the `Set-Cookie` header that makes the browser forget the cookie.
pub(crate) fn removal(config: &SessionConfig) -> Result<HeaderValue> {
    header_of(text(config, "", Some(0)))
}

fn header_of(text: String) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|error| Error::internal("the session's cookie cannot be sent").with_source(error))
}

/// Returns the whole cookie.
fn text(config: &SessionConfig, value: &str, max_age: Option<i64>) -> String {
    let (name, attributes) = (&config.cookie_name, &config.cookie_attributes);
    match max_age {
        None => format!("{name}={value}{attributes}"),
        // Expires is for clients that do not support Max-Age.
        Some(0) => format!("{name}={value}{attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        Some(seconds) => format!("{name}={value}{attributes}; Max-Age={seconds}"),
    }
}

#[cfg(test)]
mod tests;
