//! Masks secrets on the debug page, because bystanders may see the page and developers paste it into tickets.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::Request;

const MASK: &str = "***";
/// Parts of names of secrets.
const PARTS: [&str; 14] = [
    "apikey",
    "authoriz",
    "cookie",
    "credential",
    "csrf",
    "jwt",
    "key",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "session",
    "signature",
    "token",
];
/// Names of secrets that are too short to be searched for inside other names.
const NAMES: [&str; 7] = ["auth", "code", "pass", "pin", "pwd", "sig", "x-auth"];

/// Returns whether a value with this name is probably a secret, such as a password, a token or a session.
///
/// The developer's pages and the log of statements mask such values.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

/// Returns a value, masked if its name says that it is a secret.
pub(super) fn value<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret_name(name) { MASK } else { value }
}

/// Returns the headers as text, with secrets masked.
pub(super) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |(name, value): (&HeaderName, &HeaderValue)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = if is_secret_name(name.as_str()) { MASK.to_owned() } else { address(&text) };
        (name.to_string(), text)
    };
    headers.iter().map(shown).collect()
}

/// Returns the path and the query of a request, with secret path parameters masked.
pub(super) fn path(req: &Request) -> String {
    let secrets: Vec<&str> = req.params().filter(|(name, _)| is_secret_name(name)).map(|(_, value)| value).collect();
    let is_shown = |segment: &&str| !secrets.contains(&percent_decode_str(segment).decode_utf8_lossy().as_ref());
    let segments: Vec<&str> = req.path().split('/').map(|segment| Some(segment).filter(is_shown).unwrap_or(MASK)).collect();
    match req.uri().query() {
        Some(query) => format!("{}?{query}", segments.join("/")),
        None => segments.join("/"),
    }
}

/// Returns a URL with the secrets in its query masked.
pub(super) fn address(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret_name(&percent_decode_str(name).decode_utf8_lossy()) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_addresses_are_masked() {
        assert_eq!(address("/a?page=2&reset_token=abc&x"), "/a?page=2&reset_token=***&x");
        assert_eq!(address("/a?%70assword=abc"), "/a?%70assword=***");
        assert_eq!(address("/a?author=bob"), "/a?author=bob");
        assert_eq!(address("/a"), "/a");
    }
}
