//! Security headers.

use hyper::header::{self, HeaderName, HeaderValue};

use crate::{Middleware, Next, Request, Response, Result, csp};

/// Adds headers that protect pages against framing, content sniffing and referrer leaks, unless the view has set them itself:
/// `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy`, `Cross-Origin-Opener-Policy`, and, over HTTPS if
/// `HSTS_SECONDS` is above zero, `Strict-Transport-Security`. The setting `CONTENT_SECURITY_POLICY` adds a
/// `Content-Security-Policy`, in which `{nonce}` stands for the response's [nonce](crate::Request::csp_nonce).
///
/// Place it outside [`Errors`](crate::middleware::Errors), because error pages can have a nonce, too.
#[derive(Clone, Copy, Debug)]
pub struct SecurityHeaders;

static HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

impl Middleware for SecurityHeaders {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        let mut result = next.run(req).await;
        let (status, headers) = match &mut result {
            Ok(response) => (response.status(), response.headers_mut()),
            Err(error) => (error.status(), error.headers_mut()),
        };
        for (name, value) in &HEADERS {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        csp::apply(req, status, headers);
        let hsts = req.app().config().hsts_seconds;
        if hsts > 0 && req.is_secure() {
            headers
                .entry(header::STRICT_TRANSPORT_SECURITY)
                .or_insert_with(|| HeaderValue::try_from(format!("max-age={hsts}")).unwrap_or(HeaderValue::from_static("max-age=0")));
        }
        result
    }
}
