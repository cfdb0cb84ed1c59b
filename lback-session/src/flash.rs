//! Messages for the next page.

use lback_core::{Method, Request};
use serde::{Deserialize, Serialize};

/// A message that is shown once: left by one request, taken by the one that shows the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// What kind of message: `success`, `info`, `warning`, `error`, or a word of the application's own.
    pub category: String,
    /// What it says.
    pub message: String,
}

/// Who will see the page of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Viewing {
    /// The person in front of the browser.
    #[default]
    Person,
    /// Nobody, but its length must be that of the page (RFC 9110, 9.3.2).
    Head,
    /// Nobody yet, and perhaps nobody ever: the browser fetches it ahead.
    Ahead,
}

impl Viewing {
    pub(crate) fn of(req: &Request) -> Self {
        match *req.method() {
            Method::HEAD => Viewing::Head,
            _ if req.is_prefetch() => Viewing::Ahead,
            _ => Viewing::Person,
        }
    }
}
