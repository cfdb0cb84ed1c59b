//! A page with a token is for one visitor.

use hyper::header::{self, HeaderMap, HeaderValue};

use super::concerns;
use crate::Request;

/// Keeps a response that has to do with tokens out of shared caches.
pub(crate) fn keep_private(req: &Request, headers: &mut HeaderMap) {
    if !concerns(req) {
        return;
    }
    if !words(headers, &header::VARY).any(|word| word == "*" || word.eq_ignore_ascii_case("cookie")) {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
    let is = |word: &str, names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    if words(headers, &header::CACHE_CONTROL).any(|word| is(word, &["private", "no-store"])) {
        return;
    }
    let rest: Vec<&str> = words(headers, &header::CACHE_CONTROL).filter(|word| !is(word, &["public"])).collect();
    // Where the view said nothing, the page may be kept, and is asked for anew: its token may have died meanwhile.
    let value = if rest.is_empty() { "private, no-cache".to_owned() } else { format!("private, {}", rest.join(", ")) };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("no-store")));
}

fn words<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty())
}
