//! The error type of views and middleware.

use std::backtrace::Backtrace;
use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use crate::error_page::capture_stack;
use crate::sealed::Sealed;

/// The result of views, middleware and everything that they call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// An error that ends the handling of a request.
///
/// It has the status that the client will see, a message, the location in the source code where it was created, and its cause.
/// `?` converts every [`std::error::Error`] into one with status 500. The constructors create errors with other statuses:
///
/// ```
/// use lback::{Error, Result};
///
/// fn find(id: i64) -> Result<&'static str> {
///     if id == 1 { Ok("one") } else { Err(Error::not_found("there is no such number")) }
/// }
///
/// let error = find(2).unwrap_err();
/// assert!(error.is_not_found());
/// assert_eq!(error.status(), 404);
/// ```
///
/// If the status is below 500, the message is meant for the client. The message of a 5xx error, and the causes of every error, go
/// to the log and to the debug page, never to the client.
pub struct Error(Box<Inner>);

struct Inner {
    status: StatusCode,
    message: String,
    source: Option<BoxError>,
    location: Option<String>,
    headers: HeaderMap,
    code: Option<&'static str>,
    fields: Vec<InvalidField>,
    panic: bool,
    /// The call stack, while `DEBUG` is on and if the error is the application's fault.
    stack: Option<Backtrace>,
}

/// An error of one value that the client has sent; see [`Error::with_field`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    /// The place of the value, as a JSON pointer (RFC 6901): `/lines/0/price`. Empty for the input as a whole.
    pub pointer: String,
    /// The message for the client.
    pub message: String,
}

impl Error {
    /// Creates an error that is answered with `status`.
    ///
    /// A `status` below 300, which is neither an error nor a redirect, becomes 500.
    #[must_use]
    #[track_caller]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let status = if status.as_u16() < 300 { StatusCode::INTERNAL_SERVER_ERROR } else { status };
        Error(Box::new(Inner {
            status,
            message: message.into(),
            source: None,
            location: Some(Location::caller().to_string()),
            headers: HeaderMap::new(),
            code: None,
            fields: Vec::new(),
            panic: false,
            stack: if status.is_server_error() { capture_stack() } else { None },
        }))
    }

    /// Creates an error with status 400, for a request that cannot be understood.
    #[must_use]
    #[track_caller]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Creates an error with status 403, for a request that the client has no permission for.
    #[must_use]
    #[track_caller]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// Creates an error with status 404, for something that does not exist.
    #[must_use]
    #[track_caller]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Creates an error with status 422, for input that can be read and is not valid. [`with_field`](Self::with_field) says what is wrong.
    #[must_use]
    #[track_caller]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// Creates an error with status 500, for a fault in the application. The message is logged and not shown to the client.
    #[must_use]
    #[track_caller]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// Creates an error with status 503, if a service that the application needs cannot be reached. The message is logged and not
    /// shown to the client.
    #[must_use]
    #[track_caller]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// Creates an error with status 303, which ends the view early and redirects the client to `location`.
    ///
    /// As with every error, the view's database work is rolled back. Its changes to the session are kept.
    #[must_use]
    #[track_caller]
    pub fn redirect(location: &str) -> Self {
        let error = Self::new(StatusCode::SEE_OTHER, format!("redirect to {location}"));
        error.with_header(header::LOCATION, crate::response::location_value(location))
    }

    pub(crate) fn panic(message: String, location: Option<String>, stack: Option<Backtrace>) -> Self {
        let mut error = Self::internal(message);
        error.0.location = location;
        error.0.stack = stack;
        error.0.panic = true;
        error
    }

    /// Sets the cause of the error.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets the status of the response.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// Sets a code by which programs tell this error from others of the same status: `out_of_stock`. Errors as JSON contain it.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    /// Adds an error of one value that the client has sent. `pointer` is its place as a JSON pointer (RFC 6901), and is empty for the
    /// input as a whole. Errors as JSON contain it.
    ///
    /// ```
    /// use lback::Error;
    ///
    /// let error = Error::invalid("The order is not valid.").with_field("/lines/0/price", "Enter at least 1.");
    /// assert_eq!(error.status(), 422);
    /// assert_eq!(error.fields()[0].pointer, "/lines/0/price");
    /// ```
    #[must_use]
    pub fn with_field(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.fields.push(InvalidField { pointer: pointer.into(), message: message.into() });
        self
    }

    /// Returns the code that [`with_code`](Self::with_code) has set.
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// Returns the errors that [`with_field`](Self::with_field) has added.
    pub fn fields(&self) -> &[InvalidField] {
        &self.0.fields
    }

    /// Returns the status that the client sees.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the message without the causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the headers that this error adds to the response.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the headers that this error adds to the response, for changing them.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    /// Returns the location in the source code where the error was created, as `file:line:column`, if it is known.
    ///
    /// If `?` created the error, this is the location of the `?`.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    pub(crate) fn stack(&self) -> Option<&Backtrace> {
        self.0.stack.as_ref()
    }

    pub(crate) fn into_parts(self) -> (String, Option<BoxError>, Option<String>) {
        (self.0.message, self.0.source, self.0.location)
    }

    pub(crate) fn set_location(&mut self, location: String) {
        self.0.location = Some(location);
    }

    pub(crate) fn forget_location(&mut self) {
        self.0.location = None;
    }

    /// Returns the error that caused this one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }

    /// Returns the first cause of type `T` in the chain of causes.
    pub fn find_source<T: StdError + 'static>(&self) -> Option<&T> {
        self.causes().find_map(|cause| cause.downcast_ref())
    }

    /// Returns all causes, starting with the direct one.
    pub fn causes(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        chain(self.source())
    }

    /// Returns whether the status is 404.
    pub fn is_not_found(&self) -> bool {
        self.status() == StatusCode::NOT_FOUND
    }

    /// Returns whether the client caused the error: the status is between 400 and 499.
    pub fn is_client_error(&self) -> bool {
        self.status().is_client_error()
    }

    /// Returns whether the status is 500 or above.
    pub fn is_server_error(&self) -> bool {
        self.status().is_server_error()
    }

    /// Returns whether the error comes from a panic in a view or in middleware.
    pub fn is_panic(&self) -> bool {
        self.0.panic
    }
}

/// Writes the message and the causes, separated by colons. Skips a cause if the text before it already ends with it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(f, self.message(), self.source())
    }
}

pub(crate) fn write_with_causes(f: &mut fmt::Formatter<'_>, message: &str, source: Option<&(dyn StdError + 'static)>) -> fmt::Result {
    f.write_str(message)?;
    let mut last = message.to_owned();
    for cause in chain(source) {
        let text = cause.to_string();
        if !last.ends_with(&text) {
            write!(f, ": {text}")?;
        }
        last = text;
    }
    Ok(())
}

/// Returns an error and its causes, nearest first.
fn chain<'a>(first: Option<&'a (dyn StdError + 'static)>) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(first, |cause| StdError::source(*cause))
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.status().as_u16())?;
        if let Some(location) = self.location() {
            write!(f, " (at {location})")?;
        }
        Ok(())
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(source: E) -> Self {
        Self::internal(source.to_string()).with_source(source)
    }
}

/// Turns a missing value into an error with status 404.
///
/// ```
/// use lback::http::OrNotFound;
///
/// let found: Option<i32> = None;
/// assert!(found.or_404().unwrap_err().is_not_found());
/// ```
pub trait OrNotFound<T>: Sealed {
    /// Returns the value, or an error with status 404 if it is missing.
    fn or_404(self) -> Result<T>;
}

impl<T> OrNotFound<T> for Option<T> {
    #[track_caller]
    fn or_404(self) -> Result<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(Error::not_found("Not found")),
        }
    }
}
