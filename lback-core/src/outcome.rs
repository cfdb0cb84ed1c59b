//! The outcome of a request: whether it has failed.

use crate::{Error, Request, Response};

/// The outcome of a request, which determines how much of its work is kept.
///
/// Only [`Request::conclude`] determines it; the unit of work, the session, mail and cookies all call it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// A response with a status below 500: everything is kept.
    #[default]
    Succeeded,
    /// An error with a status below 500, such as a 404: database work is rolled back; the session and cookies are kept.
    Refused,
    /// An error or a response with a status of 500 or above, a panic, or a [repeated request](Request::is_repeated): nothing is kept.
    Failed,
}

impl Outcome {
    fn of(result: Result<&Response, &Error>) -> Self {
        match result {
            Ok(response) if response.status().is_server_error() => Outcome::Failed,
            Ok(_) => Outcome::Succeeded,
            Err(error) if error.is_server_error() => Outcome::Failed,
            Err(_) => Outcome::Refused,
        }
    }

    /// Returns whether the request's database work is committed.
    pub fn commits(self) -> bool {
        self == Outcome::Succeeded
    }

    /// Returns whether nothing of the request's work is kept.
    pub fn has_failed(self) -> bool {
        self == Outcome::Failed
    }
}

impl Request {
    /// Sets the [outcome](Request::outcome) of the request according to the result that a middleware has received from further
    /// in, and returns it.
    ///
    /// ```
    /// use lback::{Request, Response, Result};
    /// use lback::middleware::{Middleware, Next};
    ///
    /// struct Audit;
    ///
    /// impl Middleware for Audit {
    ///     async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
    ///         let result = next.run(req).await;
    ///         if req.conclude(result.as_ref()).commits() {
    ///             println!("{} {} has changed something", req.method(), req.path());
    ///         }
    ///         result
    ///     }
    /// }
    /// ```
    pub fn conclude(&mut self, result: Result<&Response, &Error>) -> Outcome {
        let outcome = if self.is_repeated() { Outcome::Failed } else { Outcome::of(result) };
        self.set_outcome(outcome);
        outcome
    }
}
