//! Reads the body before the view runs.

use crate::request::{RequestBody, collect};
use crate::router::{Endpoint, Route};
use crate::view::BoxFuture;
use crate::{Error, Middleware, Next, Request, Response, Result, csrf};

/// Reads the request's body, with limits on its size and time, so that `req.form()` and `req.json()` are plain calls.
///
/// Answers 413 if the body is larger than `MAX_BODY_BYTES` (`MAX_UPLOAD_BYTES` for multipart bodies) or the route's own
/// [`body_limit`](crate::Router::body_limit), 408 if it arrives too slowly, and 503 if the memory or the disk space for [all
/// bodies](crate::CoreSettings::body_memory_bytes) is used up. It does not read the body if the route is marked
/// [`streaming`](crate::Router::streaming) or no route answers the request.
///
/// Before it reads the body, it asks the middleware further in whether they refuse the request based on its head alone; see
/// [`Middleware::before_body`]. The body of a refused request is never read.
#[derive(Clone, Copy, Debug)]
pub struct BodyReader;

impl Middleware for BodyReader {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if self.skips(req) {
            return next.run(req).await;
        }
        // Boxed, so that the future takes no space for it in requests without a body.
        Box::pin(read(req, next, false)).await
    }

    fn skips(&self, req: &Request) -> bool {
        !req.has_unread_body() || req.route().is_none_or(Route::is_streaming)
    }
}

/// A body that is not read because middleware further in refuses the request.
struct UnreadBody {
    body: RequestBody,
    /// The number of the route's middleware that are left, including the one that refuses.
    remaining: usize,
    /// Whether the CSRF token, which is in the body, has not been checked yet.
    csrf_pending: bool,
}

/// Reads the body, unless a middleware refuses the request, and runs the rest of the stack. `csrf_pending` says whether the
/// CSRF token still has to be checked.
async fn read(req: &mut Request, next: Next<'_>, csrf_pending: bool) -> Result<Response> {
    match next.refused_by(req) {
        None => {
            collect(req).await?;
            if csrf_pending {
                csrf::check(req)?;
            }
            next.run(req).await
        }
        Some((0, refusal)) => Err(refusal),
        Some((at, _)) => {
            let (between, rest) = next.layers.split_at(at);
            let body = std::mem::take(req.body_mut());
            req.extensions_mut().insert(UnreadBody { body, remaining: rest.len(), csrf_pending });
            let result = Next::new(between, &REFUSED).run(req).await;
            // A middleware in between has answered.
            if let Some(unread) = req.extensions_mut().remove::<UnreadBody>() {
                *req.body_mut() = unread.body;
            }
            result
        }
    }
}

/// Takes the place of the middleware that refuses the request.
static REFUSED: Endpoint = Endpoint::Refused;

/// Asks the refusing middleware again, because another one before it may have logged the visitor in.
pub(crate) fn answer_refused(req: &mut Request) -> BoxFuture<'_, Result<Response>> {
    Box::pin(async {
        let (unread, route) = (req.extensions_mut().remove::<UnreadBody>(), req.shared_route());
        let (Some(unread), Some(route)) = (unread, route) else {
            return Err(Error::internal("the endpoint for refused requests ran without a refused request"));
        };
        *req.body_mut() = unread.body;
        let rest = &route.layers[route.layers.len().saturating_sub(unread.remaining)..];
        read(req, Next::new(rest, &route.endpoint), unread.csrf_pending).await
    })
}

/// Defers the CSRF check of a request whose body is not read. Returns whether this is such a request.
pub(super) fn defer_csrf_check(req: &mut Request) -> bool {
    let unread = req.extensions_mut().get_mut::<UnreadBody>();
    unread.map(|unread| unread.csrf_pending = true).is_some()
}
