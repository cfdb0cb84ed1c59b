//! Later requests of the same visitor.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::Uri;
use hyper::header::HeaderMap;

use super::{RequestBody, RequestId};
use crate::application::Application;
use crate::middleware::Next;
use crate::router::{Endpoint, Matched};
use crate::view::View;
use crate::{Error, Request, Result, StatusCode};

/// The sender of a request, for code that runs after the request has ended: it can look up again who the visitor is and what they may do.
///
/// ```
/// use lback::http::Visitor;
/// use lback::prelude::*;
///
/// # async fn work(visitor: Visitor) -> Result<()> {
/// // `visitor` is the value of `req.visitor()` in a view.
/// let name = visitor.look(|req| Ok(req.session().get::<String>("name")?.unwrap_or_default())).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Visitor(Arc<Head>);

struct Head {
    app: Arc<Application>,
    id: RequestId,
    uri: Uri,
    headers: Arc<HeaderMap>,
    peer: Option<SocketAddr>,
    matched: Option<Matched>,
    can_upgrade: bool,
}

/// Shows no headers: they may hold tokens.
impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").field("request", &self.0.id).finish_non_exhaustive()
    }
}

impl Request {
    /// Returns the sender of this request, to look at their session and user after this request has ended.
    pub fn visitor(&self) -> Visitor {
        Visitor(Arc::new(Head {
            app: self.app.clone(),
            id: self.id,
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            peer: self.peer,
            matched: self.matched.clone(),
            can_upgrade: self.can_upgrade,
        }))
    }
}

impl Visitor {
    /// Runs `look` with a GET request that has the path and the headers of the original one: the session, the user and their permissions
    /// are the current ones. The middleware of the route runs around it, including its guards, but nothing that comes before the unit of work,
    /// such as the request log.
    ///
    /// The request only reads, also if it is refused: its unit of work is rolled back, its session is neither saved nor kept alive, and its
    /// cookies are not sent.
    ///
    /// `look` runs like a plain view, on a thread where it may block.
    ///
    /// # Errors
    /// Returns the error of `look`, or of a guard that refuses the request: a redirect or 401 if it needs a login, for example.
    pub async fn look<T, F>(&self, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Request) -> Result<T> + Send + 'static,
    {
        let mut req = self.request();
        req.is_look = true;
        let seen = Arc::new(Mutex::new(None));
        let (result, look) = (seen.clone(), Mutex::new(Some(look)));
        let view = move |req: &mut Request| -> Result<()> {
            let look = look.lock().unwrap_or_else(PoisonError::into_inner).take();
            let value = look.map(|look| look(req)).transpose()?;
            *result.lock().unwrap_or_else(PoisonError::into_inner) = value;
            // Not a response, which a middleware such as a cache would keep.
            Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "the request was only for looking"))
        };
        let layers = self.0.app.inner_layers(self.0.matched.as_ref());
        let endpoint = Endpoint::View(view.into_view());
        let answer = Box::pin(Next::new(&layers, &endpoint).run(&mut req)).await;
        let value = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (value, answer) {
            (Some(value), _) => Ok(value),
            (None, Err(error)) => Err(error),
            (None, Ok(response)) => Err(Error::new(response.status(), "a middleware has answered the request")),
        }
    }

    fn request(&self) -> Request {
        let head = &*self.0;
        let (mut parts, ()) = hyper::Request::new(()).into_parts();
        parts.uri = head.uri.clone();
        let mut req = Request::new(head.app.clone(), parts, RequestBody::default(), head.peer);
        req.headers = head.headers.clone();
        req.matched = head.matched.clone();
        req.can_upgrade = head.can_upgrade;
        req
    }

    /// Returns the application.
    pub fn app(&self) -> &Arc<Application> {
        &self.0.app
    }

    /// Returns the id of the original request.
    pub fn request_id(&self) -> RequestId {
        self.0.id
    }
}
