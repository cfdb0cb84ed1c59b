//! Adds the CSRF token that a browser would have from a page of the application.

use std::net::IpAddr;

use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::client::{Client, peer};
use crate::request::RequestBody;
use crate::{Request, Result, csrf};

const TOKEN: HeaderName = HeaderName::from_static(csrf::HEADER);
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Adds to a request what a page of the application would have added, unless the test has done so. Returns the name of the cookie
/// that was added for this request only.
pub(super) fn add_token(client: &Client, request: &mut hyper::Request<bytes::Bytes>, from: Option<IpAddr>) -> Result<Option<String>> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let has_protection = client.app().middleware().any(|name| name == "CsrfMiddleware");
    if is_safe || !has_protection || client.enforces_csrf() || request.headers().contains_key(TOKEN) {
        return Ok(None);
    }
    let mut outline = hyper::Request::new(());
    *outline.uri_mut() = request.uri().clone();
    *outline.headers_mut() = request.headers().clone();
    let mut page = Request::new(client.app().clone(), outline.into_parts().0, RequestBody::default(), Some(peer(from)));
    let (token, cookie) = csrf::for_test(&mut page)?;
    let headers = request.headers_mut();
    headers.insert(TOKEN, HeaderValue::from_str(&token)?);
    if let Some(cookie) = &cookie {
        headers.append(header::COOKIE, HeaderValue::from_str(cookie)?);
    }
    if ![SITE, header::ORIGIN, header::REFERER].iter().any(|name| headers.contains_key(name)) {
        headers.insert(SITE, HeaderValue::from_static("same-origin"));
    }
    Ok(cookie.and_then(|cookie| cookie.split_once('=').map(|(name, _)| name.to_owned())))
}

/// Removes the cookie `name` from the response. A login replaces the CSRF cookie, even the one that was added for this request only.
pub(super) fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    let is_it = |value: &HeaderValue| value.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
    if headers.get_all(header::SET_COOKIE).iter().any(is_it) {
        let kept: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().filter(|value| !is_it(value)).cloned().collect();
        headers.remove(header::SET_COOKIE);
        headers.extend(kept.into_iter().map(|value| (header::SET_COOKIE, value)));
    }
}
