//! Headers that make a browser careful.

use hyper::header::{self, HeaderName, HeaderValue};

use crate::{Middleware, Next, Request, Response, Result, csp};

/// Adds the headers that protect a page from being framed, sniffed or leaked, where the view did not set its own:
/// `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy`, `Cross-Origin-Opener-Policy`, and, over HTTPS with
/// `HSTS_SECONDS` above zero, `Strict-Transport-Security`. `CONTENT_SECURITY_POLICY` in the settings adds a
/// `Content-Security-Policy`, in which `{nonce}` stands for the [nonce](crate::Request::csp_nonce) of the response.
///
/// It belongs outside of [`Errors`](crate::middleware::Errors): an error page may have a nonce, too.
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
