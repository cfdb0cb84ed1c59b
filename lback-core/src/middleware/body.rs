//! Reads the body before the view runs.

use crate::request::collect;
use crate::router::Route;
use crate::{Middleware, Next, Request, Response, Result};

/// Reads the request's body, bounded in size and time, so that `req.form()` and `req.json()` are plain calls.
///
/// A body larger than `MAX_BODY_BYTES` (for multipart bodies `MAX_UPLOAD_BYTES`), or than the route's own
/// [`body_limit`](crate::Router::body_limit), answers 413; one that comes too slowly answers 408. A route that is marked
/// [`streaming`](crate::Router::streaming), and a request that no route answers, are left alone.
#[derive(Clone, Copy, Debug)]
pub struct BodyReader;

impl Middleware for BodyReader {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if !self.skips(req) {
            // Boxed, so that requests without a body carry no room for it.
            Box::pin(collect(req)).await?;
        }
        next.run(req).await
    }

    fn skips(&self, req: &Request) -> bool {
        !req.has_unread_body() || req.route().is_none_or(Route::is_streaming)
    }
}
