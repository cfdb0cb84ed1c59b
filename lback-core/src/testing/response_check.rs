//! [`ResponseCheck`], a check of all responses of a route in tests.

use std::fmt;
use std::sync::Arc;

use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};

type Check = dyn Fn(&CheckedResponse<'_>) -> Result<(), String> + Send + Sync;

/// A check of all responses of a route, or of the routes of an include, to the test client. It is attached with
/// [`Router::option`](crate::Router::option), and costs nothing outside of tests.
///
/// ```
/// use lback::testing::ResponseCheck;
/// # use lback::{Request, Router};
///
/// let is_json = ResponseCheck::new(|response| match response.headers.get("content-type") {
///     Some(kind) if kind.as_bytes().ends_with(b"json") => Ok(()),
///     other => Err(format!("the type is {other:?}")),
/// });
/// # fn stock(_: &mut Request) -> &'static str { "3" }
/// let urls = Router::new().include("/api", Router::new().get("/stock", stock)).option(is_json);
/// # let _ = urls;
/// ```
#[derive(Clone)]
pub struct ResponseCheck(Arc<Check>);

/// A response to the test client.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CheckedResponse<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

impl fmt::Debug for ResponseCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCheck").finish_non_exhaustive()
    }
}

impl ResponseCheck {
    /// Creates a check. The test client panics with the message that it returns.
    pub fn new(check: impl Fn(&CheckedResponse<'_>) -> Result<(), String> + Send + Sync + 'static) -> Self {
        ResponseCheck(Arc::new(check))
    }

    pub(super) fn run(&self, response: &CheckedResponse<'_>) -> Result<(), String> {
        (self.0)(response)
    }
}
