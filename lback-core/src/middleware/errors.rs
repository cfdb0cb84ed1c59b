//! Turns errors into error pages.

use crate::error_page;
use crate::{Middleware, Next, Request, Response, Result};

/// Turns every error from further in into an error page, and logs errors with status 500 and above with all their causes.
///
/// While `DEBUG` is on, the page shows what happened. Otherwise, it is the application's template `{status}.html` (`404.html`,
/// `500.html`), or a plain page if there is no such template. Clients that ask for JSON get JSON.
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
