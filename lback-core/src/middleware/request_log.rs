//! The request log.

use std::time::{Duration, Instant};

use hyper::header::{HeaderName, HeaderValue};
use tracing::Level;

use crate::{LogFormat, Middleware, Next, Request, Response, Result};

/// Logs the method, path, status, duration, id and [trace](Request::trace) of every request, and sends the id as `X-Request-Id`. The level is
/// `info`, or `debug` for a [re-render](Request::is_rerender).
#[derive(Clone, Copy, Debug)]
pub struct RequestLog;

impl Middleware for RequestLog {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        // If the line is not logged, the clock is not read.
        let is_logged = match req.is_rerender() {
            true => tracing::enabled!(target: "lback::request", Level::DEBUG),
            false => tracing::enabled!(target: "lback::request", Level::INFO),
        };
        let begin = is_logged.then(Instant::now);
        let mut result = next.run(req).await;
        let (status, headers) = match &mut result {
            Ok(response) => (response.status(), response.headers_mut()),
            Err(error) => (error.status(), error.headers_mut()),
        };
        if let Ok(id) = HeaderValue::from_bytes(&req.id().digits()) {
            headers.insert(&X_REQUEST_ID, id);
        }
        if let Some(begin) = begin {
            log(req, status.as_u16(), milliseconds(begin.elapsed()));
        }
        result
    }
}

/// Logs the request: a line for people, or fields for programs.
fn log(req: &Request, status: u16, took: f64) {
    let (method, path, id, trace) = (req.method(), req.logged_path(), req.id(), req.trace());
    if req.app().config().log_format == LogFormat::Json {
        let trace = trace.map(tracing::field::display);
        return match req.is_rerender() {
            true => tracing::debug!(target: "lback::request", %method, path, status, duration_ms = took, %id, trace, "re-render"),
            false => tracing::info!(target: "lback::request", %method, path, status, duration_ms = took, %id, trace, "request"),
        };
    }
    let trace = trace.map(|trace| format!(" trace {trace}")).unwrap_or_default();
    match req.is_rerender() {
        true => tracing::debug!(target: "lback::request", "re-render of {path} {status} {took}ms {id}{trace}"),
        false => tracing::info!(target: "lback::request", "{method} {path} {status} {took}ms {id}{trace}"),
    }
}

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the duration in milliseconds, rounded to two decimal places.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}
