//! Turns errors into responses.

mod accept;
mod debug;
mod json;
mod pages;
mod plain;
mod report;
mod secrets;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use report::{Failure, FailureReport};

use std::panic::{AssertUnwindSafe, catch_unwind};

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::{Caching, Error, Request, Response, Result, blocking, middleware, panics, signals};

/// A table of names and values on the page that shows an error while `DEBUG` is on. A crate above core adds one with
/// [`Assembly::debug_section`](crate::Assembly::debug_section).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DebugSection {
    /// The heading.
    pub title: String,
    /// Names and values. They are shown as they are: what is secret has to be masked before.
    pub rows: Vec<(String, String)>,
    /// Whether it may be why the error happened. It is shown above the request then.
    pub is_cause: bool,
}

/// Headers that describe the body, which is made here.
const OF_THE_BODY: [HeaderName; 4] = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::TRANSFER_ENCODING];

/// Answers `error`: logs it, and makes the page, or the JSON, that the client sees.
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
        // Caches keep a 404 even if nothing says how long.
        req.limit_caching(Caching::Private);
    }
    *response.status_mut() = status;
    add_headers(response.headers_mut(), &error, status, debug);
    req.caching().apply(response.headers_mut());
    response
}

/// Returns whether the client may see what is for developers: source, settings, causes.
fn shows_details(req: &Request) -> bool {
    req.app().config().debug && middleware::is_allowed_host(req)
}

fn add_headers(headers: &mut HeaderMap, error: &Error, status: StatusCode, debug: bool) {
    for (name, value) in error.headers().iter().filter(|(name, _)| !OF_THE_BODY.contains(name)) {
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

/// The query stays out of the log: it may carry tokens.
fn log(req: &Request, error: &Error, status: StatusCode) {
    let (id, method, path, location) = (req.id(), req.method(), req.logged_path(), error.location().unwrap_or("unknown"));
    if status.is_server_error() {
        tracing::error!(target: "lback::error", %id, %method, path, status = status.as_u16(), location, "{error}");
    } else if status.is_client_error() {
        tracing::debug!(target: "lback::error", %id, %method, path, status = status.as_u16(), location, "{error}");
    }
}

/// The status in words.
fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

/// Runs what may panic, and may block, on a thread that serves connections: the application's own code.
fn aside<T>(work: impl FnOnce() -> T) -> Result<T> {
    caught(|| blocking::in_place(work))
}

/// Runs what may panic.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(panics::error)
}
