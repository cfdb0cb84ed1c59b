//! The end of a socket: its code and its reason.

use lback_core::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as ProtocolFailure, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Codes of RFC 6455, 7.4.1, and of the IANA registry.
pub(super) const NORMAL: u16 = 1000;
pub(super) const GOING_AWAY: u16 = 1001;
pub(super) const PROTOCOL_ERROR: u16 = 1002;
/// A close frame without a code. Never sent.
pub(super) const NO_CODE: u16 = 1005;
/// The connection ended without a close frame. Never sent.
pub(super) const NO_CLOSE_FRAME: u16 = 1006;
pub(super) const INVALID_TEXT: u16 = 1007;
pub(super) const POLICY_VIOLATION: u16 = 1008;
pub(super) const TOO_LARGE: u16 = 1009;
pub(super) const INTERNAL_ERROR: u16 = 1011;
pub(super) const TRY_AGAIN_LATER: u16 = 1013;

/// Maximum length of a reason, in bytes: a control frame has 125, of which the code takes two.
const MAX_REASON_BYTES: usize = 123;

/// The code and the reason with which a socket ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Close {
    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
        Close { code, reason }
    }

    /// Returns the close of a connection that ended without a close frame.
    pub(super) fn lost(reason: &str) -> Self {
        Close::new(NO_CLOSE_FRAME, reason)
    }

    /// Returns the close that a client has sent.
    pub(super) fn received(frame: Option<CloseFrame>) -> Self {
        frame.map_or_else(|| Close::new(NO_CODE, ""), |frame| Close::new(frame.code.into(), frame.reason.as_str()))
    }

    /// Returns the close for a view that has ended with this error. The client sees the messages of its own faults only.
    pub(super) fn of_view(error: &Error) -> Self {
        if error.is_server_error() {
            return Close::new(INTERNAL_ERROR, "The server has failed.");
        }
        Close::new(POLICY_VIOLATION, error.message())
    }

    /// Returns the close for input that cannot be read, or that of a lost connection if the connection has failed.
    pub(super) fn of_input(failure: &ProtocolFailure) -> Self {
        match failure {
            ProtocolFailure::Protocol(ProtocolError::ResetWithoutClosingHandshake) | ProtocolFailure::Io(_) => {
                Close::lost("the connection was lost")
            }
            ProtocolFailure::Utf8(_) => Close::new(INVALID_TEXT, "A text is not valid UTF-8."),
            ProtocolFailure::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
                Close::new(TOO_LARGE, format!("A message is larger than {max_size} bytes."))
            }
            other => Close::new(PROTOCOL_ERROR, other.to_string()),
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.code == NO_CLOSE_FRAME
    }

    pub(super) fn frame(&self) -> CloseFrame {
        CloseFrame { code: self.code.into(), reason: self.reason.as_str().into() }
    }
}
