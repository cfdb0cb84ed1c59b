//! Turns errors into responses.

mod accept;
mod debug;
mod json;
mod pages;
mod plain;
mod report;
mod secrets;
mod source;
mod stack;
#[cfg(test)]
mod tests;

pub(crate) use report::{Failure, FailureReport};
pub use secrets::is_secret_name;
pub(crate) use stack::{capture as capture_stack, record_stacks};

use std::panic::{AssertUnwindSafe, catch_unwind};

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::{Caching, Error, Request, Response, Result, blocking, middleware, panics, signals};

/// A table of names and values on the debug page, which shows errors while `DEBUG` is on. Crates above core add sections with
/// [`Assembly::debug_section`](crate::Assembly::debug_section).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DebugSection {
    /// The heading.
    pub title: String,
    /// Names and values. They are shown unchanged, so secrets must already be masked.
    pub rows: Vec<(String, String)>,
    /// Whether the section may explain the error. If so, it is shown above the request.
    pub is_cause: bool,
}

/// Returns the path and the query of a request as developers see them, with secrets masked.
pub(crate) fn shown_path(req: &Request) -> String {
    secrets::address(&secrets::path(req))
}

/// Headers that describe the body. The error cannot set them, because the body is the error page.
const BODY_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::TRANSFER_ENCODING];

/// Logs `error` and returns the response that the client sees: a page, JSON or a redirect.
pub(crate) fn respond(req: &mut Request, error: Error) -> Response {
    let status = if error.status().as_u16() < 300 { StatusCode::INTERNAL_SERVER_ERROR } else { error.status() };
    let debug = shows_details(req);
    log(req, &error, status);
    signals::failed(req, &error, status);
    req.set_error_page(true);
    if let Some(report) = req.extensions().get::<FailureReport>() {
        report.set(&error, debug && !req.prefers_json());
    }
    let mut response = if status.is_redirection() {
        Response::default()
    } else if req.prefers_json() {
        json::page(req, &error, status)
    } else if debug {
        debug::page(req, &error, status)
    } else {
        plain::page(req, &error, status)
    };
    req.set_error_page(false);
    if !status.is_redirection() && req.caching() > Caching::Unlimited {
        // Caches may store a 404 even if it has no explicit lifetime.
        req.limit_caching(Caching::Private);
    }
    *response.status_mut() = status;
    add_headers(response.headers_mut(), &error, status, debug);
    req.caching().apply(response.headers_mut());
    response
}

/// Returns whether the client may see the details for developers: source code, settings and causes.
fn shows_details(req: &Request) -> bool {
    req.app().config().debug && middleware::is_allowed_host(req)
}

fn add_headers(headers: &mut HeaderMap, error: &Error, status: StatusCode, debug: bool) {
    for (name, value) in error.headers().iter().filter(|(name, _)| !BODY_HEADERS.contains(name)) {
        headers.append(name, value.clone());
    }
    if status.is_redirection() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    if (debug || status.is_server_error()) && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
}

/// Logs the error without the query, which may contain tokens.
fn log(req: &Request, error: &Error, status: StatusCode) {
    let (id, method, path, location) = (req.id(), req.method(), req.logged_path(), error.location().unwrap_or("unknown"));
    let trace = req.trace().map(tracing::field::display);
    if status.is_server_error() {
        tracing::error!(target: "lback::error", %id, %method, path, status = status.as_u16(), location, trace, "{error}");
    } else if status.is_client_error() {
        tracing::debug!(target: "lback::error", %id, %method, path, status = status.as_u16(), location, trace, "{error}");
    }
}

/// Returns the reason phrase of a status.
fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

/// Runs application code, which may block and panic, on a thread that serves connections.
fn run_blocking<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_panic(|| blocking::in_place(work))
}

/// Runs `work` and turns a panic in it into an error.
fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(panics::error)
}
