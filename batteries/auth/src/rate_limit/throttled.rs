//! The answer to an attempt that must wait.

use std::fmt;
use std::time::Duration;

use lback_core::header::{HeaderValue, RETRY_AFTER};
use lback_core::{Error, Response, StatusCode};

/// A refused attempt: there were too many, and the next one must wait.
///
/// As an [`Error`] it answers 429 with `Retry-After`. [`answer`](Self::answer) does the same to a page that the view has rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the attempt must be refused"]
pub struct Throttled {
    /// The time until the next attempt is let through.
    pub wait: Duration,
}

impl Throttled {
    /// Turns a response, such as a form with its error, into a 429 with `Retry-After`.
    ///
    /// ```
    /// # use lback::{Error, Request, Response, Result};
    /// # use lback::templates::context;
    /// use lback::auth::RateLimit;
    ///
    /// fn contact(req: &mut Request) -> Result<Response> {
    ///     if let Err(throttled) = RateLimit::new("contact").check(req)? {
    ///         let error = throttled.to_string();
    ///         let page = req.render("contact.html", context! { error })?;
    ///         return Ok(throttled.answer(page));
    ///     }
    ///     // …
    ///     Ok(Response::redirect("/"))
    /// }
    /// ```
    pub fn answer(self, mut response: Response) -> Response {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, self.retry_after());
        response
    }

    fn retry_after(self) -> HeaderValue {
        HeaderValue::from(self.seconds())
    }

    /// Returns the seconds to wait, rounded up: a client that comes back earlier would be refused again.
    fn seconds(self) -> u64 {
        self.wait.as_secs().saturating_add(u64::from(self.wait.subsec_nanos() > 0)).max(1)
    }
}

/// Addressed to the visitor: `There were too many attempts. Try again in 2 minutes.`
impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds();
        let (number, unit) = if seconds < 90 { (seconds, "second") } else { (seconds.div_ceil(60), "minute") };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "There were too many attempts. Try again in {number} {unit}{plural}.")
    }
}

// Not `std::error::Error`, whose conversion answers 500.
impl From<Throttled> for Error {
    #[track_caller]
    fn from(throttled: Throttled) -> Self {
        Error::new(StatusCode::TOO_MANY_REQUESTS, throttled.to_string()).with_header(RETRY_AFTER, throttled.retry_after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_wait() {
        let message = |seconds| Throttled { wait: Duration::from_secs(seconds) }.to_string();
        assert!(message(0).ends_with("in 1 second."));
        assert!(message(42).ends_with("in 42 seconds."));
        assert!(message(900).ends_with("in 15 minutes."));
        assert_eq!(Throttled { wait: Duration::from_millis(1001) }.retry_after(), "2");
    }
}
