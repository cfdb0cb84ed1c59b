//! The error page that everyone may see.

use hyper::StatusCode;
use tera::context;

use super::{pages, reason, run_blocking};
use crate::{Error, Request, Response, Result, csp};

/// Returns the application's own page for the status, such as `404.html`. If there is none, or if it fails, returns the framework's
/// plain page.
pub(super) fn page(req: &mut Request, error: &Error, status: StatusCode) -> Response {
    let context = context! {
        status => &status.as_u16(),
        reason => reason(status),
        message => if status.is_server_error() { "" } else { error.message() },
        request_id => &req.id(),
    };
    match own_page(req, status, context.clone()) {
        Some(Ok(page)) => Response::html(page),
        Some(Err(failure)) => {
            let (id, location, code) = (req.id(), failure.location().unwrap_or("unknown"), status.as_u16());
            // Repeated failures must not fill the log: anyone can request missing pages as often as they like.
            match req.app().templates().is_first_failure(status.as_str()) {
                true => tracing::error!(target: "lback::error", %id, location, "the page for status {code} failed: {failure}"),
                false => tracing::debug!(target: "lback::error", %id, location, "the page for status {code} failed: {failure}"),
            }
            framework_page(req, context, status)
        }
        None => framework_page(req, context, status),
    }
}

/// Returns the framework's plain page. Its styles are inline, so that it needs no further request.
fn framework_page(req: &mut Request, mut context: tera::Context, status: StatusCode) -> Response {
    context.insert("nonce", &csp::nonce_for_style(req));
    pages::render("plain.html", &context, status)
}

/// Renders the application's page for `status`, if it has one. Template globals may use the session or database that has just
/// failed.
fn own_page(req: &mut Request, status: StatusCode, context: tera::Context) -> Option<Result<String>> {
    let name = format!("{}.html", status.as_u16());
    let app = req.app().clone();
    let templates = app.templates();
    if !templates.contains(&name) {
        return None;
    }
    Some(run_blocking(|| templates.render(req, &name, context)).flatten())
}
