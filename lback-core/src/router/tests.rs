//! Property tests for patterns, addresses and the `Cookie` header.

use std::fmt::Display;

use hyper::Method;
use hyper::header::{COOKIE, HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::pattern::Kind;
use super::pattern::Pattern;
use super::{Lookup, RouteTable, Router};
use crate::middleware::Stack;
use crate::request::{Cookies, Keys};
use crate::{Clock, Request};

fn view(_: &mut Request) -> &'static str {
    "found"
}

fn table(patterns: &[&str]) -> Result<RouteTable, Vec<String>> {
    let router =
        patterns.iter().enumerate().fold(Router::new(), |router, (at, pattern)| router.get(pattern, view).name(&format!("route{at}")));
    RouteTable::compile(router, &Stack::new())
}

fn params_of(table: &RouteTable, path: &str) -> Option<Vec<String>> {
    match table.find(&Method::GET, path, None, false) {
        Lookup::Found(matched) => Some(matched.params().map(|(_, value)| value.to_owned()).collect()),
        Lookup::Fallback(_) => None,
    }
}

/// One segment of a pattern, and a value for its parameter if it has one.
fn segment() -> impl Strategy<Value = (String, Option<String>)> {
    let text = "[a-zA-Z0-9 %?#é日.~+_-]{1,6}";
    let around = "[a-z%é.-]{0,3}";
    let kind = prop_oneof![
        any::<i64>().prop_map(|value| ("int", value.to_string())),
        any::<u128>().prop_map(|value| ("uuid", uuid::Uuid::from_u128(value).to_string())),
        "[a-zA-Z0-9_-]{1,8}".prop_map(|value| ("slug", value)),
        "[^\0]{1,8}".prop_filter("not a segment", |value| Kind::Str.accepts(value)).prop_map(|value| ("str", value)),
        // The values that are most likely to be split wrongly.
        "[%/a2Ff.]{1,8}".prop_filter("not a segment", |value| Kind::Str.accepts(value)).prop_map(|value| ("str", value)),
    ];
    prop_oneof![
        text.prop_map(|text| (text, None)),
        (around, kind, around).prop_map(|(before, (kind, value), after)| (format!("{before}{{NAME:{kind}}}{after}"), Some(value))),
    ]
}

/// A valid pattern whose parameters are called `p0`, `p1` …, and values for them.
fn pattern_and_values() -> impl Strategy<Value = (String, Vec<String>)> {
    let rest = proptest::option::of("[^\0]{1,12}".prop_filter("not segments", |value| Kind::Path.accepts(value)));
    (proptest::collection::vec(segment(), 1..5), rest).prop_map(|(segments, rest)| {
        let mut pattern = String::new();
        let mut values = Vec::new();
        let rest = rest.map(|rest| ("{NAME:path}".to_owned(), Some(rest)));
        for (text, value) in segments.into_iter().chain(rest) {
            pattern.push('/');
            pattern.push_str(&text.replace("NAME", &format!("p{}", values.len())));
            values.extend(value);
        }
        (pattern, values)
    })
}

proptest! {
    #[test]
    fn any_text_can_be_parsed_as_a_pattern(text in ".{0,40}", other in "[/{}:a-z*%]{0,30}") {
        let _ = Pattern::parse(&text);
        let _ = Pattern::parse(&format!("/{text}"));
        let _ = table(&[&format!("/{text}"), &format!("/{other}")]);
        if let Ok(pattern) = Pattern::parse(&format!("/{other}")) {
            let _ = pattern.fill(&[]);
        }
    }

    #[test]
    fn a_generated_address_matches_with_the_same_values((pattern, values) in pattern_and_values()) {
        let table = table(&[&pattern]).map_err(|problems| TestCaseError::fail(problems.join("; ")))?;
        let names: Vec<String> = (0..values.len()).map(|at| format!("p{at}")).collect();
        let params: Vec<(&str, &dyn Display)> = names.iter().zip(&values).map(|(name, value)| (name.as_str(), value as &dyn Display)).collect();
        match table.url_for("route0", &params) {
            Ok(path) => {
                prop_assert!(path.parse::<hyper::Uri>().is_ok_and(|uri| uri.path() == path), "{} is not an address", path);
                prop_assert_eq!(params_of(&table, &path), Some(values), "{} does not lead back to {}", path, pattern);
            }
            // Dots would lead to another folder, and two slashes at the front to another host.
            Err(error) => {
                let refused = error.message().contains("another folder") || error.message().contains("another host");
                prop_assert!(refused, "{}", error);
            }
        }
    }

    #[test]
    fn a_path_is_decoded_once(value in "[^/\0]{1,10}".prop_filter("not a segment", |value| Kind::Str.accepts(value))) {
        let table = table(&["/{value}"]).map_err(|problems| TestCaseError::fail(problems.join("; ")))?;
        // Every byte is escaped, as a client may do.
        let path: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        prop_assert_eq!(params_of(&table, &format!("/{path}")), Some(vec![value]));
    }

    #[test]
    fn any_path_can_be_requested(path in ".{0,40}", escaped in "[/%0-9a-fA-F.\\\\:?]{0,40}") {
        let table = table(&["/", "/a/{id:int}", "/a/{name}", "/a/{title:slug}/", "/b%/{x}.xml", "/files/{rest:path}"]).unwrap();
        for path in [path, escaped] {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                for path in [path.clone(), format!("/{path}"), format!("/a/{path}"), format!("/files/{path}/")] {
                    if let Lookup::Fallback(super::Endpoint::Redirect(location)) = table.find(&method, &path, None, true) {
                        prop_assert!(!location.starts_with("//") && !location.contains('\\'), "{}", location);
                        prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{}", location);
                    }
                }
            }
        }
    }

    #[test]
    fn a_cookie_header_can_contain_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let keys = Keys::derive("test", ["a secret of at least thirty-two bytes"]);
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            headers.append(COOKIE, value);
        }
        headers.append(COOKIE, HeaderValue::from_static("good=1"));
        let mut cookies = Cookies::parse(&headers, &keys, &Clock::system());
        prop_assert!(cookies.received("good").any(|value| value == "1"));
        prop_assert!(cookies.signed().get("good").is_none());
        prop_assert!(cookies.private().get("good").is_none());
    }

    #[test]
    fn signed_and_encrypted_values_round_trip(name in "[!#$&'*+.^_`|~0-9A-Za-z-]{1,12}", value in any::<String>()) {
        let keys = Keys::derive("test", ["a secret of at least thirty-two bytes"]);
        let mut cookies = Cookies::parse(&HeaderMap::new(), &keys, &Clock::system());
        cookies.signed().add((format!("s{name}"), value.clone()));
        cookies.private().add((format!("p{name}"), value.clone()));
        cookies.add((format!("c{name}"), value.clone()));
        let mut response = HeaderMap::new();
        cookies.write(&mut response, false);
        let mut request = HeaderMap::new();
        for set in response.get_all("set-cookie") {
            let pair = set.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
            request.append(COOKIE, HeaderValue::from_bytes(pair).unwrap());
        }
        let mut cookies = Cookies::parse(&request, &keys, &Clock::system());
        prop_assert_eq!(cookies.get(&format!("c{name}")), Some(value.as_str()));
        prop_assert_eq!(cookies.signed().get(&format!("s{name}")), Some(value.clone()));
        prop_assert_eq!(cookies.private().get(&format!("p{name}")), Some(value));
    }
}
