//! The reasons for which a mail was not sent.

use std::fmt;

/// The reason for which a mail was not sent, and whether to try again.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The mail server is unavailable; other mails need not be tried now.
    Unreachable,
    /// The server may accept this mail later.
    #[cfg(feature = "smtp")]
    Later,
    /// The server will not accept this mail.
    Never,
}

impl Failure {
    pub(crate) fn unreachable(reason: impl Into<String>) -> Self {
        Failure { kind: FailureKind::Unreachable, reason: reason.into() }
    }

    #[cfg(feature = "smtp")]
    pub(crate) fn later(reason: impl Into<String>) -> Self {
        Failure { kind: FailureKind::Later, reason: reason.into() }
    }

    pub(crate) fn never(reason: impl Into<String>) -> Self {
        Failure { kind: FailureKind::Never, reason: reason.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}
