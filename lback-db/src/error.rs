//! Statuses for errors of the database.

use diesel::result::{ConnectionError, DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, OrNotFound, Result, StatusCode};

use crate::sealed::Sealed;

/// Gives an error of the database its status: 503 if the database is unavailable (locked, read-only, full, corrupt, gone), and 500
/// otherwise.
pub(crate) fn with_status(error: Error) -> Error {
    if error.status() == StatusCode::INTERNAL_SERVER_ERROR && is_unavailable(&error) {
        #[cfg(feature = "postgres")]
        if let Some(meaning) = crate::postgres_error::unavailable(&error.to_string()) {
            tracing::warn!(target: "lback::db", "{meaning}");
        }
        return error.with_status(StatusCode::SERVICE_UNAVAILABLE);
    }
    error
}

/// The messages of unavailability. SQLite has result codes for them, which Diesel does not pass on, but its messages are fixed.
#[cfg(feature = "sqlite")]
const UNAVAILABLE: [&str; 11] = [
    "database is locked",
    "database table is locked",
    "attempt to write a readonly database",
    "disk I/O error",
    "database disk image is malformed",
    "unable to open database file",
    "file is not a database",
    "database or disk is full",
    "locking protocol",
    "large file support is disabled",
    "database schema is locked",
];

/// Returns whether this error means that the database is unavailable (locked, read-only, full, corrupt, gone), rather than that it
/// refused a statement.
pub fn is_unavailable(error: &Error) -> bool {
    if error.find_source::<r2d2::Error>().is_some() || error.find_source::<ConnectionError>().is_some() {
        return true;
    }
    match error.find_source::<DieselError>() {
        Some(DieselError::DatabaseError(kind, info)) => {
            use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, SerializationFailure};
            matches!(kind, ClosedConnection | SerializationFailure | ReadOnlyTransaction) || says_unavailable(info.message())
        }
        // The connection was lost before.
        Some(DieselError::BrokenTransactionManager) => true,
        _ => false,
    }
}

/// Returns whether the server has stopped a statement because it took longer than `DATABASE_STATEMENT_TIMEOUT_MS`.
pub fn is_statement_timeout(error: &Error) -> bool {
    let message = |info: &dyn DatabaseErrorInformation| info.message().contains("canceling statement due to statement timeout");
    matches!(error.find_source(), Some(DieselError::DatabaseError(_, info)) if message(&**info))
}

/// Returns whether a statement failed because the database lacks a table or a column, as it does before its migrations have run.
pub fn is_missing_table(error: &Error) -> bool {
    let says_missing = |message: &str| {
        message.starts_with("no such table") || message.starts_with("no such column") || {
            let names_it = message.starts_with("relation ") || message.starts_with("column ");
            names_it && message.ends_with(" does not exist")
        }
    };
    matches!(error.find_source(), Some(DieselError::DatabaseError(_, info)) if says_missing(info.message()))
}

fn says_unavailable(message: &str) -> bool {
    #[cfg(feature = "sqlite")]
    if UNAVAILABLE.iter().any(|text| message.starts_with(text)) {
        return true;
    }
    #[cfg(feature = "postgres")]
    if crate::postgres_error::unavailable(message).is_some() {
        return true;
    }
    false
}

/// Turns a query that found nothing into a 404.
///
/// ```
/// use lback::db::OrNotFoundRow;
///
/// let result: diesel::QueryResult<i32> = Err(diesel::result::Error::NotFound);
/// assert!(result.or_404().unwrap_err().is_not_found());
/// ```
pub trait OrNotFoundRow<T>: Sealed {
    /// Returns the row.
    ///
    /// # Errors
    /// Returns 404 if the query found nothing. Other errors stay as they are.
    fn or_404(self) -> Result<T>;
}

impl<T> OrNotFoundRow<T> for diesel::QueryResult<T> {
    #[track_caller]
    fn or_404(self) -> Result<T> {
        match self {
            Err(DieselError::NotFound) => None.or_404(),
            result => Ok(result?),
        }
    }
}
