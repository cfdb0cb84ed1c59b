//! Limits on how caches may reuse a response (RFC 9111).

use std::borrow::Cow;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

/// How far caches may reuse a response for other requests, from least to most strict. Each value includes those before it.
///
/// [`Request::limit_caching`](crate::Request::limit_caching) sets the limit for a request; the strictest one applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Caching {
    /// No limit beyond the response's own headers.
    #[default]
    Unlimited,
    /// Only for requests with the same cookies: `Vary: Cookie`.
    PerVisitor,
    /// Only by the visitor's own browser: `Cache-Control: private`, plus `no-cache` if the response has no `Cache-Control`.
    Private,
    /// Not at all: `Cache-Control: no-store`. If the response already has a `Cache-Control`, it is limited as by
    /// [`Private`](Caching::Private) instead.
    NotStored,
}

impl Caching {
    /// Applies the limit to the headers of a response. Directives that are at least as strict stay unchanged.
    ///
    /// ```
    /// use lback::Response;
    /// use lback::http::Caching;
    ///
    /// let mut response = Response::text("hello").with_header("cache-control", "public, max-age=600").unwrap();
    /// Caching::Private.apply(response.headers_mut());
    /// assert_eq!(response.headers()["cache-control"], "private, max-age=600");
    /// assert_eq!(response.headers()["vary"], "Cookie");
    /// ```
    pub fn apply(self, headers: &mut HeaderMap) {
        if self >= Caching::PerVisitor {
            vary_on_cookie(headers);
        }
        match self {
            Caching::Unlimited | Caching::PerVisitor => {}
            Caching::Private => keep_private(headers, "private, no-cache"),
            Caching::NotStored => keep_private(headers, "no-store"),
        }
    }
}

fn vary_on_cookie(headers: &mut HeaderMap) {
    let mut names = headers.get_all(header::VARY).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    if !names.any(|name| name.trim_ascii() == b"*" || name.trim_ascii().eq_ignore_ascii_case(b"cookie")) {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
}

/// Keeps a response out of shared caches. `default` becomes its `Cache-Control` if it has none.
fn keep_private(headers: &mut HeaderMap, default: &'static str) {
    // Headers that some shared caches prefer to Cache-Control (RFC 9213).
    let targeted: Vec<HeaderName> = headers.keys().filter(|name| is_targeted(name)).cloned().collect();
    for name in targeted {
        headers.remove(name);
    }
    let lines: Vec<HeaderValue> = headers.get_all(header::CACHE_CONTROL).iter().cloned().collect();
    let directives: Vec<&[u8]> = lines.iter().flat_map(|line| directives(line.as_bytes())).collect();
    if directives.is_empty() {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(default));
    } else if let Cow::Owned(private) = private(&directives) {
        let value = HeaderValue::from_bytes(&private.join(&b", "[..]));
        headers.insert(header::CACHE_CONTROL, value.unwrap_or(HeaderValue::from_static("no-store")));
    }
}

fn is_targeted(name: &HeaderName) -> bool {
    name.as_str().ends_with("cdn-cache-control") || name == "surrogate-control"
}

/// Returns the directives of one line. A comma inside a quoted string does not end a directive.
fn directives(line: &[u8]) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = line.split(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    });
    parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()).collect()
}

/// Removes the directives that let a shared cache store the response, and adds `private` if nothing else prevents that.
fn private<'a, 'b>(directives: &'b [&'a [u8]]) -> Cow<'b, [&'a [u8]]> {
    let has = |wanted: &str| directives.iter().any(|directive| directive.eq_ignore_ascii_case(wanted.as_bytes()));
    // With `must-understand, no-store`, a cache that understands the status code may store the response (RFC 9111, 5.2.2.3).
    let is_stored = !has("no-store") || has("must-understand");
    let is_lax = |directive: &&&[u8]| ["public", "s-maxage"].iter().any(|lax| name(directive).eq_ignore_ascii_case(lax.as_bytes()));
    // `private="x-name"` applies to that header only.
    let qualified = |directive: &&&[u8]| name(directive).eq_ignore_ascii_case(b"private") && name(directive).len() < directive.len();
    if !directives.iter().any(|directive| is_lax(&directive) || qualified(&directive)) && (has("private") || !is_stored) {
        return Cow::Borrowed(directives);
    }
    let mut first = !has("private");
    let mut kept: Vec<&[u8]> = Vec::with_capacity(directives.len() + 1);
    for directive in directives {
        if !is_lax(&directive) && !qualified(&directive) {
            kept.push(directive);
        } else if first && !name(directive).eq_ignore_ascii_case(b"s-maxage") {
            // Put `private` in the place of the first one.
            first = false;
            kept.push(b"private");
        }
    }
    if first && is_stored {
        kept.insert(0, b"private");
    }
    Cow::Owned(kept)
}

/// Returns the name of a directive, without its argument.
fn name(directive: &[u8]) -> &[u8] {
    directive.split(|byte| *byte == b'=').next().unwrap_or(directive).trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(caching: Caching, lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        caching.apply(&mut headers);
        let once = headers.clone();
        caching.apply(&mut headers);
        assert_eq!(headers, once, "applied twice");
        headers
    }

    fn all(headers: &HeaderMap, name: &str) -> String {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" | ")
    }

    /// Returns the `Cache-Control` that results from a response with these `Cache-Control` lines.
    fn control(lines: &[&'static str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
        all(&applied(Caching::NotStored, &lines), "cache-control")
    }

    #[test]
    fn a_response_without_cache_control_gets_the_default_of_its_limit() {
        assert_eq!(all(&applied(Caching::Unlimited, &[]), "cache-control"), "");
        assert_eq!(all(&applied(Caching::PerVisitor, &[]), "cache-control"), "");
        assert_eq!(all(&applied(Caching::Private, &[]), "cache-control"), "private, no-cache");
        assert_eq!(control(&[]), "no-store");
        assert_eq!(control(&["", " , ,"]), "no-store");
    }

    #[test]
    fn a_response_that_a_shared_cache_could_store_becomes_private() {
        assert_eq!(control(&["max-age=600"]), "private, max-age=600");
        assert_eq!(control(&["no-cache"]), "private, no-cache");
        assert_eq!(control(&["public, max-age=60"]), "private, max-age=60");
        assert_eq!(control(&["max-age=60, PUBLIC"]), "max-age=60, private");
        assert_eq!(control(&["max-age=60", "Public"]), "max-age=60, private");
        assert_eq!(control(&["public , public,immutable"]), "private, immutable");
        assert_eq!(control(&["public=\"x\""]), "private");
    }

    #[test]
    fn directives_that_are_strict_enough_stay_unchanged() {
        for strict in ["private", "Private, max-age=60", "no-store", "No-Store, no-cache", "max-age=60,private"] {
            assert_eq!(control(&[strict]), strict);
        }
        assert_eq!(control(&["max-age=60", "private"]), "max-age=60 | private");
    }

    #[test]
    fn directives_that_only_resemble_private_do_not_count() {
        assert_eq!(control(&["private=\"set-cookie\", max-age=60"]), "private, max-age=60");
        assert_eq!(control(&["x=\"private\", max-age=60"]), "private, x=\"private\", max-age=60");
        assert_eq!(control(&["x=\"a, private, b\""]), "private, x=\"a, private, b\"");
        assert_eq!(control(&[r#"x="\", no-store, y""#]), r#"private, x="\", no-store, y""#);
        assert_eq!(control(&["x=\"never closed, private"]), "private, x=\"never closed, private");
        assert_eq!(control(&["x-private, privates"]), "private, x-private, privates");
        assert_eq!(control(&["must-understand, no-store"]), "private, must-understand, no-store");
    }

    #[test]
    fn directives_for_shared_caches_are_removed() {
        assert_eq!(control(&["s-maxage=600"]), "private");
        assert_eq!(control(&["S-MaxAge = \"600\", max-age=5"]), "private, max-age=5");
        assert_eq!(control(&["private, s-maxage=600"]), "private");
        assert_eq!(control(&["private, public"]), "private");
        assert_eq!(control(&["public, no-store"]), "private, no-store");
        assert_eq!(control(&["s-maxage=60, no-store"]), "no-store");
        let targeted = [("cdn-cache-control", "max-age=600"), ("surrogate-control", "max-age=600"), ("x-own", "1")];
        let headers = applied(Caching::Private, &targeted);
        assert_eq!(headers.keys().map(HeaderName::as_str).filter(|name| name.contains("control")).collect::<Vec<_>>(), ["cache-control"]);
        assert!(headers.contains_key("x-own"));
    }

    #[test]
    fn bytes_that_are_not_text_are_kept() {
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_bytes(b"max-age=60, x=\"\xff\"").unwrap());
        Caching::Private.apply(&mut headers);
        assert_eq!(headers["cache-control"].as_bytes(), b"private, max-age=60, x=\"\xff\"");
    }

    #[test]
    fn vary_is_merged() {
        let vary = |lines: &[&'static str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
            all(&applied(Caching::PerVisitor, &lines), "vary")
        };
        assert_eq!(vary(&[]), "Cookie");
        assert_eq!(vary(&["accept"]), "accept | Cookie");
        assert_eq!(vary(&["accept", "x, cookie"]), "accept | x, cookie");
        assert_eq!(vary(&["accept, *"]), "accept, *");
        assert_eq!(vary(&["cookies"]), "cookies | Cookie");
    }
}
