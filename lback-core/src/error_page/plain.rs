//! The page that everyone may see.

use hyper::StatusCode;
use tera::context;

use super::{aside, pages, reason};
use crate::{Error, Request, Response, Result, csp};

/// The application's own page, `404.html` for a 404; a plain one where it has none, or where that fails.
pub(super) fn page(req: &mut Request, error: &Error, status: StatusCode) -> Response {
    let context = context! {
        status => &status.as_u16(),
        reason => reason(status),
        message => if status.is_server_error() { "" } else { error.message() },
        request_id => &req.id(),
    };
    match own(req, status, context.clone()) {
        Some(Ok(page)) => Response::html(page),
        Some(Err(failure)) => {
            let (id, place, status_code) = (req.id(), failure.location().unwrap_or("unknown"), status.as_u16());
            // Any stranger can ask for a page that does not exist, as often as they like.
            match req.app().templates().is_news(status.as_str()) {
                true => {
                    tracing::error!(target: "lback::error", %id, location = place, "the page for status {status_code} failed: {failure}")
                }
                false => {
                    tracing::debug!(target: "lback::error", %id, location = place, "the page for status {status_code} failed: {failure}")
                }
            }
            framework_page(req, context, status)
        }
        None => framework_page(req, context, status),
    }
}

/// The plain page. Its style is inline, so that it needs no other request.
fn framework_page(req: &mut Request, mut context: tera::Context, status: StatusCode) -> Response {
    context.insert("nonce", &csp::nonce_for_style(req));
    pages::render("plain.html", &context, status)
}

/// The application's page for `status`. Its globals may ask a session or a database which are what has just failed.
fn own(req: &mut Request, status: StatusCode, context: tera::Context) -> Option<Result<String>> {
    let name = format!("{}.html", status.as_u16());
    let app = req.app().clone();
    let templates = app.templates();
    if !templates.contains(&name) {
        return None;
    }
    Some(aside(|| templates.render(req, &name, context)).flatten())
}
