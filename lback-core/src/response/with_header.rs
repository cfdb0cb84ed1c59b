//! Headers for results that may still be errors.

use hyper::header::{HeaderName, HeaderValue};

use crate::sealed::Sealed;
use crate::{Response, Result};

/// Sets a header on the result of a view or a middleware, whether it is a response or an error.
///
/// A middleware receives an error from further in before [`Errors`](crate::middleware::Errors) turns it into a page.
/// `next.run(req).await?` would pass it on without the header, but this method adds it:
///
/// ```
/// use lback::{Request, Response, Result};
/// use lback::http::WithHeader;
/// use lback::middleware::Next;
///
/// async fn powered_by(req: &mut Request, next: Next<'_>) -> Result<Response> {
///     next.run(req).await.with_header("x-powered-by", "Lback")
/// }
/// ```
pub trait WithHeader: Sealed + Sized {
    /// Returns the result with this header, which replaces any header of the same name.
    ///
    /// # Errors
    /// Returns the original error with the header added, or 500 if the name or the value is not valid in a header.
    fn with_header(self, name: &str, value: impl AsRef<[u8]>) -> Result<Response>;
}

impl WithHeader for Result<Response> {
    fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Response> {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        let value = HeaderValue::from_bytes(value.as_ref())?;
        match &mut self {
            Ok(response) => response.headers_mut().insert(name, value),
            Err(error) => error.headers_mut().insert(name, value),
        };
        self
    }
}
