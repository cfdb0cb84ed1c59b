//! Reads the body before the view runs.

use crate::request::{RequestBody, collect};
use crate::router::{Endpoint, Route};
use crate::view::BoxFuture;
use crate::{Error, Middleware, Next, Request, Response, Result, csrf};

/// Reads the request's body, bounded in size and time, so that `req.form()` and `req.json()` are plain calls.
///
/// A body larger than `MAX_BODY_BYTES` (for multipart bodies `MAX_UPLOAD_BYTES`), or than the route's own
/// [`body_limit`](crate::Router::body_limit), answers 413; one that comes too slowly answers 408; and one that finds the memory
/// or the disk for [all bodies](crate::CoreSettings::body_memory_bytes) used up answers 503. A route that is marked
/// [`streaming`](crate::Router::streaming), and a request that no route answers, are left alone.
///
/// Before it reads, it asks the middleware inside it whether they refuse the request by its head alone; see
/// [`Middleware::before_body`]. The body of a refused request is never read.
#[derive(Clone, Copy, Debug)]
pub struct BodyReader;

impl Middleware for BodyReader {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if self.skips(req) {
            return next.run(req).await;
        }
        // Boxed, so that requests without a body carry no room for it.
        Box::pin(read(req, next, false)).await
    }

    fn skips(&self, req: &Request) -> bool {
        !req.has_unread_body() || req.route().is_none_or(Route::is_streaming)
    }
}

/// A body that is not read, since one of the middleware further in refuses the request.
struct Withheld {
    body: RequestBody,
    /// How many of the route's middleware are left, with the one that refuses.
    left: usize,
    /// Whether the CSRF token, which is in the body, was not checked.
    unchecked: bool,
}

/// Reads the body, unless somebody refuses the request, and runs the rest. `unchecked` is whether the CSRF token is still to be
/// checked.
async fn read(req: &mut Request, next: Next<'_>, unchecked: bool) -> Result<Response> {
    match next.refused_by(req) {
        None => {
            collect(req).await?;
            if unchecked {
                csrf::check(req)?;
            }
            next.run(req).await
        }
        Some((0, refusal)) => Err(refusal),
        Some((at, _)) => {
            let (between, rest) = next.layers.split_at(at);
            let body = std::mem::take(req.body_mut());
            req.extensions_mut().insert(Withheld { body, left: rest.len(), unchecked });
            let result = Next::new(between, &REFUSED).run(req).await;
            // Somebody between has answered.
            if let Some(withheld) = req.extensions_mut().remove::<Withheld>() {
                *req.body_mut() = withheld.body;
            }
            result
        }
    }
}

/// Stands where the middleware stands that refuses the request.
static REFUSED: Endpoint = Endpoint::Refused;

/// Asks that middleware again: one before it may have logged the visitor in.
pub(crate) fn answer_refused(req: &mut Request) -> BoxFuture<'_, Result<Response>> {
    Box::pin(async {
        let (withheld, route) = (req.extensions_mut().remove::<Withheld>(), req.shared_route());
        let (Some(withheld), Some(route)) = (withheld, route) else {
            return Err(Error::internal("a request was refused that was not asked about"));
        };
        *req.body_mut() = withheld.body;
        let rest = &route.layers[route.layers.len().saturating_sub(withheld.left)..];
        read(req, Next::new(rest, &route.endpoint), withheld.unchecked).await
    })
}

/// Puts off the check of the CSRF token of a request whose body is not read. Returns whether this is such a request.
pub(super) fn put_off_csrf(req: &mut Request) -> bool {
    let withheld = req.extensions_mut().get_mut::<Withheld>();
    withheld.map(|withheld| withheld.unchecked = true).is_some()
}
