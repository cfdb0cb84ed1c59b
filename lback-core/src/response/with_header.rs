//! Headers of a response that may be an error still.

use hyper::header::{HeaderName, HeaderValue};

use crate::{Response, Result};

/// Sets a header on whatever a view or a middleware has answered, a response or an error.
///
/// A middleware sees an error as it comes from further in, before [`Errors`](crate::middleware::Errors) makes a page of it.
/// `next.run(req).await?` would pass it on without the header; this does not:
///
/// ```
/// use lback_core::{Next, Request, Response, Result, WithHeader};
///
/// async fn powered_by(req: &mut Request, next: Next<'_>) -> Result<Response> {
///     next.run(req).await.with_header("x-powered-by", "Lback")
/// }
/// ```
pub trait WithHeader: Sized {
    /// The same answer with this header instead of any of the same name.
    ///
    /// # Errors
    /// The error, if it is one, with the header. 500 if the name or the value could not stand in a header.
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
