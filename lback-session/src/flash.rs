//! Messages for the next page.

use lback_core::{Method, Request};
use serde::{Deserialize, Serialize};

/// A message that is shown once: one request leaves it, and the request for the next page takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The category: `success`, `info`, `warning`, `error`, or a word of the application's own.
    pub category: String,
    /// The text.
    pub message: String,
}

/// Who will see the page of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Viewing {
    /// The visitor.
    #[default]
    Person,
    /// Nobody: a HEAD request, whose response must have the length of the page (RFC 9110, 9.3.2).
    Head,
    /// Perhaps nobody: the browser prefetches or prerenders it.
    Ahead,
    /// The application: it makes the request [again](Request::is_repeated) for the visitor, and keeps nothing of it.
    Again,
}

impl Viewing {
    pub(crate) fn of(req: &Request) -> Self {
        match *req.method() {
            _ if req.is_repeated() => Viewing::Again,
            Method::HEAD => Viewing::Head,
            _ if req.is_prefetch() => Viewing::Ahead,
            _ => Viewing::Person,
        }
    }
}
