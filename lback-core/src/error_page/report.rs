//! Reports the error of a failed request to a test, regardless of the page that a visitor would see.

use std::sync::{Arc, Mutex, PoisonError};

use super::debug::causes;
use crate::Error;

/// Receives the error of a request. The test client adds one to the request's extensions.
#[derive(Clone, Default)]
pub(crate) struct FailureReport(Arc<Mutex<Option<Failure>>>);

/// An error as text.
pub(crate) struct Failure {
    /// The message, the location and the causes, one per line.
    pub(crate) text: String,
    /// Whether the response is the debug page, which adds nothing to the text.
    pub(crate) is_debug_page: bool,
}

impl FailureReport {
    pub(super) fn set(&self, error: &Error, is_debug_page: bool) {
        let location = error.location().map(|location| format!("\n  at {location}")).unwrap_or_default();
        let causes: String = causes(error).iter().map(|cause| format!("\n  caused by: {cause}")).collect();
        let text = format!("{}{location}{causes}", error.message());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Failure { text, is_debug_page });
    }

    pub(crate) fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
