//! The response that a test receives.

use std::fmt::Debug;

use bytes::Bytes;
use cookie::Cookie;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::client::ReceivedResponse;
use super::{jar, page_text};
use crate::error_page::Failure;
use crate::profile::Profile;

/// Maximum number of characters of the body that a failed assertion shows.
const MAX_SHOWN: usize = 4000;

/// The complete response to a request.
///
/// The assertions return the response, so that they can be chained. If an assertion fails, it shows the response.
pub struct TestResponse {
    method: Method,
    path: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    failure: Option<Failure>,
    profile: Option<Profile>,
}

impl TestResponse {
    pub(super) fn new(method: Method, path: String, received: ReceivedResponse) -> Self {
        let ReceivedResponse { status, headers, body, failure, profile, .. } = received;
        TestResponse { method, path, status, headers, body, failure, profile }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the path and query of the request, which after redirects is the last one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the first header of this name as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns all headers of this name as text.
    pub fn headers_all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// Returns the `Location` header.
    pub fn location(&self) -> Option<&str> {
        self.header(header::LOCATION.as_str())
    }

    /// Returns the body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// Returns the body as text.
    ///
    /// # Panics
    /// Panics if the body is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> &str {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(error) => panic!("the body is not text: {error}\n{}", self.shown()),
        }
    }

    /// Parses the body as JSON.
    ///
    /// # Panics
    /// Panics if the body is not JSON, or is not a `T`.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("the body is not the expected JSON: {error}\n{}", self.shown()),
        }
    }

    /// Returns the cookies that this response sets, with decoded values.
    pub fn cookies(&self) -> Vec<Cookie<'static>> {
        let texts = self.headers_all(header::SET_COOKIE.as_str()).into_iter();
        texts.filter_map(|text| Cookie::parse(text.to_owned()).ok()).map(jar::decoded).collect()
    }

    /// Returns the last cookie of this name that the response sets.
    pub fn cookie(&self, name: &str) -> Option<Cookie<'static>> {
        self.cookies().into_iter().rfind(|cookie| cookie.name() == name)
    }

    /// Returns what was [recorded](crate::profile) about the request, or `None` if it was sent over a socket.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// Checks the status. The expected value is a number or a [`StatusCode`].
    ///
    /// # Panics
    /// Panics if the status is different.
    #[track_caller]
    pub fn assert_status<S: Debug>(&self, status: S) -> &Self
    where
        StatusCode: PartialEq<S>,
    {
        assert!(self.status == status, "the status should be {status:?}\n{}", self.shown());
        self
    }

    /// Checks that the body contains `text`.
    ///
    /// # Panics
    /// Panics if the body does not contain the text.
    #[track_caller]
    pub fn assert_contains(&self, text: &str) -> &Self {
        assert!(String::from_utf8_lossy(&self.body).contains(text), "the body should contain {text:?}\n{}", self.shown());
        self
    }

    /// Checks that the body does not contain `text`.
    ///
    /// # Panics
    /// Panics if the body contains the text.
    #[track_caller]
    pub fn assert_not_contains(&self, text: &str) -> &Self {
        assert!(!String::from_utf8_lossy(&self.body).contains(text), "the body should not contain {text:?}\n{}", self.shown());
        self
    }

    /// Checks that the response is a redirect to exactly `location`.
    ///
    /// # Panics
    /// Panics if it is not.
    #[track_caller]
    pub fn assert_redirect(&self, location: &str) -> &Self {
        let is_expected = self.status.is_redirection() && self.location() == Some(location);
        assert!(is_expected, "the response should be a redirect to {location}\n{}", self.shown());
        self
    }

    /// Returns the error, the headers, and the readable part of the body.
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
        shown.extend(body.chars().take(MAX_SHOWN));
        if body.chars().count() > MAX_SHOWN {
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
