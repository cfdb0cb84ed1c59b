//! What came back.

use std::fmt::Debug;

use bytes::Bytes;
use cookie::Cookie;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::client::Answer;
use super::{jar, page_text};
use crate::error_page::Failure;

/// How much of a body an assertion shows.
const SHOWN: usize = 4000;

/// The whole answer to a request.
///
/// The assertions return the response again, so they can be chained; where they fail they show it.
pub struct TestResponse {
    method: Method,
    path: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    failure: Option<Failure>,
}

impl TestResponse {
    pub(super) fn new(method: Method, path: String, answer: Answer) -> Self {
        TestResponse { method, path, status: answer.status, headers: answer.headers, body: answer.body, failure: answer.failure }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The path and query that this answers: after redirects, the last one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The first header of this name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every header of this name, as text.
    pub fn headers_all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// The `Location` header.
    pub fn location(&self) -> Option<&str> {
        self.header(header::LOCATION.as_str())
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    ///
    /// # Panics
    /// Where it is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> &str {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(error) => panic!("the body is not text: {error}\n{}", self.shown()),
        }
    }

    /// The body, which is JSON, as a `T`.
    ///
    /// # Panics
    /// Where it is not JSON, or does not fit `T`.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("the body is not the JSON that was expected: {error}\n{}", self.shown()),
        }
    }

    /// The cookies that this response sets, their values decoded.
    pub fn cookies(&self) -> Vec<Cookie<'static>> {
        let texts = self.headers_all(header::SET_COOKIE.as_str()).into_iter();
        texts.filter_map(|text| Cookie::parse(text.to_owned()).ok()).map(jar::decoded).collect()
    }

    /// The last cookie of this name that the response sets.
    pub fn cookie(&self, name: &str) -> Option<Cookie<'static>> {
        self.cookies().into_iter().rfind(|cookie| cookie.name() == name)
    }

    /// Checks the status, a number or a [`StatusCode`].
    ///
    /// # Panics
    /// Where it is another.
    #[track_caller]
    pub fn assert_status<S: Debug>(&self, status: S) -> &Self
    where
        StatusCode: PartialEq<S>,
    {
        assert!(self.status == status, "the status should be {status:?}\n{}", self.shown());
        self
    }

    /// Checks that `text` is somewhere in the body.
    ///
    /// # Panics
    /// Where it is not.
    #[track_caller]
    pub fn assert_contains(&self, text: &str) -> &Self {
        assert!(String::from_utf8_lossy(&self.body).contains(text), "the body should contain {text:?}\n{}", self.shown());
        self
    }

    /// Checks that `text` is nowhere in the body.
    ///
    /// # Panics
    /// Where it is.
    #[track_caller]
    pub fn assert_not_contains(&self, text: &str) -> &Self {
        assert!(!String::from_utf8_lossy(&self.body).contains(text), "the body should not contain {text:?}\n{}", self.shown());
        self
    }

    /// Checks that this is a redirect to exactly `location`.
    ///
    /// # Panics
    /// Where it is not.
    #[track_caller]
    pub fn assert_redirect(&self, location: &str) -> &Self {
        let right = self.status.is_redirection() && self.location() == Some(location);
        assert!(right, "this should be a redirect to {location}\n{}", self.shown());
        self
    }

    /// What went wrong, the headers, and as much of the body as a person reads.
    fn shown(&self) -> String {
        let mut shown = format!("--- {} {} answered {}\n", self.method, self.path, self.status);
        if let Some(failure) = &self.failure {
            shown.push_str(&format!("{}\n\n", failure.text));
        }
        for (name, value) in &self.headers {
            shown.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        if self.failure.as_ref().is_some_and(|failure| failure.is_debug_page) {
            return shown;
        }
        let body = String::from_utf8_lossy(&self.body);
        let is_page = self.header(header::CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html"));
        let failed = self.status.is_client_error() || self.status.is_server_error();
        let body = match is_page {
            true if failed => page_text::text(&body),
            true => page_text::markup(&body),
            false => body.into_owned(),
        };
        shown.push('\n');
        shown.extend(body.chars().take(SHOWN));
        if body.chars().count() > SHOWN {
            shown.push_str(" …");
        }
        shown
    }
}

impl Debug for TestResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}
