//! One line in the log for every request.

use std::time::Instant;

use hyper::header::{HeaderName, HeaderValue};

use crate::{Middleware, Next, Request, Response, Result};

/// Logs method, path, status, time and id of every request, and sends the id as `X-Request-Id`.
#[derive(Clone, Copy, Debug)]
pub struct RequestLog;

impl Middleware for RequestLog {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        let begin = Instant::now();
        let mut result = next.run(req).await;
        let (status, headers) = match &mut result {
            Ok(response) => (response.status(), response.headers_mut()),
            Err(error) => (error.status(), error.headers_mut()),
        };
        let id = req.id().to_string();
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(HeaderName::from_static("x-request-id"), value);
        }
        let milliseconds = (begin.elapsed().as_secs_f64() * 100_000.0).round() / 100.0;
        tracing::info!(target: "lback::request", "{} {} {} {milliseconds}ms {id}", req.method(), req.path(), status.as_u16());
        result
    }
}
