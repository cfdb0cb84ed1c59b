//! Turns errors into pages.

use crate::error_page;
use crate::{Middleware, Next, Request, Response, Result};

/// Answers every error that comes from further in with a page, and logs those of 500 and above with all their causes.
///
/// While `DEBUG` is on the page shows what happened. Otherwise it is the template `{status}.html` of the application
/// (`404.html`, `500.html`), or a plain page where there is none. A client that asks for JSON gets JSON.
#[derive(Clone, Copy, Debug)]
pub struct Errors;

impl Middleware for Errors {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        match next.run(req).await {
            Ok(response) => Ok(response),
            Err(error) => Ok(error_page::respond(req, error)),
        }
    }
}
