//! What a test is told of a request that failed, whatever page its visitor would see.

use std::sync::{Arc, Mutex, PoisonError};

use super::debug::causes;
use crate::Error;

/// The error that answered a request. A test puts one among the request's extensions.
#[derive(Clone, Default)]
pub(crate) struct FailureReport(Arc<Mutex<Option<Failure>>>);

/// An error in words.
pub(crate) struct Failure {
    /// The message, the place and the causes, a line each.
    pub(crate) text: String,
    /// Whether the page says nothing more: it is the one for developers.
    pub(crate) is_whole: bool,
}

impl FailureReport {
    pub(super) fn set(&self, error: &Error, is_whole: bool) {
        let place = error.location().map(|place| format!("\n  at {place}")).unwrap_or_default();
        let causes: String = causes(error).iter().map(|cause| format!("\n  caused by: {cause}")).collect();
        let text = format!("{}{}{place}{causes}", if error.is_panic() { "panic: " } else { "" }, error.message());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Failure { text, is_whole });
    }

    pub(crate) fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
