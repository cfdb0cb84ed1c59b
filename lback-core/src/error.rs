//! The one error type of a request.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

/// What views, middleware and everything they call return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Why a request could not be answered as asked.
///
/// An error knows the status that the client will see, a message, where it was made, and what caused it. Any
/// [`std::error::Error`] becomes one through `?`, with status 500; the constructors here make the others:
///
/// ```
/// use lback_core::{Error, Result};
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
/// The message of an error below 500 is meant for the client. That of a 5xx, and every cause, goes to the log and to
/// the debug page, never to the client.
pub struct Error(Box<Inner>);

struct Inner {
    status: StatusCode,
    message: String,
    source: Option<BoxError>,
    location: Option<String>,
    headers: HeaderMap,
    panic: bool,
}

impl Error {
    /// An error that answers with `status`.
    ///
    /// A `status` that is no error or redirect (below 300) is taken as 500.
    #[track_caller]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let status = if status.as_u16() < 300 { StatusCode::INTERNAL_SERVER_ERROR } else { status };
        Error(Box::new(Inner {
            status,
            message: message.into(),
            source: None,
            location: Some(Location::caller().to_string()),
            headers: HeaderMap::new(),
            panic: false,
        }))
    }

    /// 400: the client sent something that cannot be understood.
    #[track_caller]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 403: the client may not do this.
    #[track_caller]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: there is nothing here.
    #[track_caller]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 500: something is wrong with the application. The message is logged, the client does not see it.
    #[track_caller]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// 503: something that the application needs cannot be reached now. The message is logged, the client does not see it.
    #[track_caller]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// 303: ends the view early by sending the client to `location`.
    ///
    /// The view's database work is rolled back, as with every error; what it put into the session is kept.
    #[track_caller]
    pub fn redirect(location: &str) -> Self {
        let error = Self::new(StatusCode::SEE_OTHER, format!("redirect to {location}"));
        error.with_header(header::LOCATION, crate::response::location_value(location))
    }

    pub(crate) fn panic(message: String, location: Option<String>) -> Self {
        let mut error = Self::internal(message);
        error.0.location = location;
        error.0.panic = true;
        error
    }

    /// The same error with `source` as its cause.
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, answered with `status`.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The same error, whose response carries this header too.
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// The status that the client sees.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What went wrong, without the causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Headers that the response to this error will carry.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Headers that the response to this error will carry.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    /// Where in the source the error was made, as `file:line:column`, where that is known.
    ///
    /// For an error that came through `?`, this is the place of the `?`.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    pub(crate) fn forget_location(&mut self) {
        self.0.location = None;
    }

    /// The error that caused this one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }

    /// The cause as a `T`, searched along the whole chain.
    pub fn find_source<T: StdError + 'static>(&self) -> Option<&T> {
        self.causes().find_map(|cause| cause.downcast_ref())
    }

    /// Every cause, nearest first.
    pub fn causes(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(self.source(), |cause: &&(dyn StdError + 'static)| StdError::source(*cause))
    }

    /// Is the status 404?
    pub fn is_not_found(&self) -> bool {
        self.status() == StatusCode::NOT_FOUND
    }

    /// Is the status between 400 and 499: did the client cause it?
    pub fn is_client_error(&self) -> bool {
        self.status().is_client_error()
    }

    /// Is the status 500 or above?
    pub fn is_server_error(&self) -> bool {
        self.status().is_server_error()
    }

    /// Did a view or a middleware panic?
    pub fn is_panic(&self) -> bool {
        self.0.panic
    }
}

/// The message and, after colons, every cause that says something new.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        let mut last = self.message().to_owned();
        for cause in self.causes() {
            let text = cause.to_string();
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            last = text;
        }
        Ok(())
    }
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

/// Turns an absent value into a 404.
///
/// ```
/// use lback_core::OrNotFound;
///
/// let found: Option<i32> = None;
/// assert!(found.or_404().unwrap_err().is_not_found());
/// ```
pub trait OrNotFound<T> {
    /// The value, or an error that answers 404.
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
