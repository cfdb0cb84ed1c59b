//! The reasons for which a mail was not sent.

use std::fmt;

/// The reason for which a mail was not sent.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Whether the mail is not tried again, because the server will never accept it.
    pub(crate) is_final: bool,
    reason: String,
}

impl Failure {
    /// Returns a failure after which the mail is tried again.
    pub(crate) fn for_now(reason: impl Into<String>) -> Self {
        Failure { is_final: false, reason: reason.into() }
    }

    /// Returns a failure after which the mail is given up.
    #[cfg(feature = "smtp")]
    pub(crate) fn for_good(reason: impl Into<String>) -> Self {
        Failure { is_final: true, reason: reason.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}
