//! The error type of startup and of commands.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use crate::Error;
use crate::error::{BoxError, write_with_causes};

/// The result of startup code and of commands.
pub type ProgramResult<T = ()> = Result<T, ProgramError>;

/// The error of a program that cannot start, or of a command that fails.
///
/// It has no status, because no client sees it: the program prints it and exits. Any [`std::error::Error`] and every [`Error`] become
/// one through `?`. `Debug` also shows where in the source the error was
/// created, if that is known.
///
/// ```
/// use lback::app::{ProgramError, ProgramResult};
///
/// fn port(text: &str) -> ProgramResult<u16> {
///     match text.parse()? {
///         0 => Err(ProgramError::new("port 0 is reserved; use another one")),
///         port => Ok(port),
///     }
/// }
///
/// assert_eq!(port("0").unwrap_err().to_string(), "port 0 is reserved; use another one");
/// assert_eq!(port("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub struct ProgramError(Box<Inner>);

struct Inner {
    message: String,
    source: Option<BoxError>,
    is_usage: bool,
    location: Option<String>,
}

impl ProgramError {
    /// Creates an error with a message that says what failed, and how to fix it.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        ProgramError(Box::new(Inner {
            message: message.into(),
            source: None,
            is_usage: false,
            location: Some(Location::caller().to_string()),
        }))
    }

    /// Creates an error for an invalid command line.
    pub fn usage(message: impl Into<String>) -> Self {
        ProgramError(Box::new(Inner { message: message.into(), source: None, is_usage: true, location: None }))
    }

    /// Returns the error with `source` as its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns what failed, without the causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the error that caused this one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }

    /// Returns whether the command line is invalid.
    pub fn is_usage(&self) -> bool {
        self.0.is_usage
    }

    /// Returns the exit status of the program: 2 if the command line is invalid, otherwise 1.
    pub fn exit_code(&self) -> u8 {
        if self.is_usage() { 2 } else { 1 }
    }
}

/// Writes the message and, separated by colons, each cause that adds information.
impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_causes(f, self.message(), self.source())
    }
}

impl fmt::Debug for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.0.location {
            Some(location) => write!(f, " (at {location})"),
            None => Ok(()),
        }
    }
}

impl From<Error> for ProgramError {
    fn from(error: Error) -> Self {
        let (message, source, location) = error.into_parts();
        ProgramError(Box::new(Inner { message, source, is_usage: false, location }))
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for ProgramError {
    #[track_caller]
    fn from(source: E) -> Self {
        ProgramError::new(source.to_string()).with_source(source)
    }
}

/// Becomes an error with status 500, for views that call startup or command code.
impl From<ProgramError> for Error {
    #[track_caller]
    fn from(error: ProgramError) -> Self {
        let Inner { message, source, location, .. } = *error.0;
        let mut error = Error::internal(message);
        if let Some(source) = source {
            error = error.with_source(source);
        }
        if let Some(location) = location {
            error.set_location(location);
        }
        error
    }
}
