//! What stands around every view.

mod allowed_hosts;
pub(crate) mod body;
mod csrf;
mod errors;
mod live_reload;
mod request_log;
mod security_headers;
mod stack;
mod static_files;
mod timeout;

pub use allowed_hosts::AllowedHosts;
pub(crate) use allowed_hosts::is_allowed as is_allowed_host;
pub use body::BodyReader;
pub use csrf::CsrfMiddleware;
pub use errors::Errors;
pub use live_reload::LiveReload;
pub use request_log::RequestLog;
pub use security_headers::SecurityHeaders;
pub(crate) use stack::check_order;
pub use stack::{Slot, Stack};
pub use static_files::StaticFiles;
pub use timeout::Timeout;

use std::any::Any;
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::panics::{self, catch_panic};
use crate::router::Endpoint;
use crate::view::BoxFuture;
use crate::{Error, Request, Response, Result};

/// One layer of the pipeline: a method around the rest of the way to the view and back.
///
/// What it does before `next.run(req)` sees the request on its way in, what it does after sees the response on its way
/// out; not calling `next` answers at once. What comes back is an error until [`Errors`] has made a page of it: with `?` behind
/// `next.run(req).await`, what follows is not done for errors.
///
/// ```
/// use lback_core::{Middleware, Next, Request, Response, Result, WithHeader};
///
/// struct PoweredBy(&'static str);
///
/// impl Middleware for PoweredBy {
///     async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
///         next.run(req).await.with_header("x-powered-by", self.0)
///     }
/// }
/// ```
///
/// An `async fn` of that shape is a middleware too:
///
/// ```
/// use lback_core::{Error, Next, Request, Response, Result, Router};
///
/// async fn only_staff(req: &mut Request, next: Next<'_>) -> Result<Response> {
///     if req.header("x-staff").is_none() {
///         return Err(Error::forbidden("Staff only"));
///     }
///     next.run(req).await
/// }
///
/// let router = Router::new().get("/office", |_: &mut Request| "hello").middleware(only_staff);
/// # let _ = router;
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Answers the request, as a rule by running the rest and looking at what comes back.
    ///
    /// An error goes outwards to [`Errors`], which makes a page of it.
    fn handle(&self, req: &mut Request, next: Next<'_>) -> impl Future<Output = Result<Response>> + Send;

    /// Has this middleware nothing to do for the request? Then it is passed over, which costs less than to run it.
    ///
    /// It is asked when its turn has come, so it sees what those outside it have done. [`handle`](Self::handle) does right
    /// without it too: a middleware that wraps another may not ask.
    fn skips(&self, _req: &Request) -> bool {
        false
    }

    /// Refuses a request for which method, path, headers and session are enough, before [`BodyReader`] reads its body.
    ///
    /// A guard that does so costs the server no memory for what a stranger sends to it. It is asked about requests with a body
    /// only, so [`handle`](Self::handle) refuses by itself, too. If it returns an error, the middleware between `BodyReader`
    /// and this one run with an empty body, as they would around any other refusal; and it is asked again when they have run,
    /// since one of them may log visitors in. It must not block.
    ///
    /// ```
    /// use lback_core::{Error, Middleware, Next, Request, Response, Result};
    ///
    /// struct KeyRequired;
    ///
    /// impl Middleware for KeyRequired {
    ///     async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
    ///         self.before_body(req)?;
    ///         next.run(req).await
    ///     }
    ///
    ///     fn before_body(&self, req: &mut Request) -> Result<()> {
    ///         match req.header("x-key") {
    ///             Some(_) => Ok(()),
    ///             None => Err(Error::forbidden("Send the header X-Key.")),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns the error with which the request is answered.
    fn before_body(&self, _req: &mut Request) -> Result<()> {
        Ok(())
    }

    /// The name by which the route list and start-up errors call it.
    fn name(&self) -> &'static str {
        short_name::<Self>()
    }

    /// The names of the middleware that must stand outside this one. The start fails where one is missing there.
    fn requires(&self) -> &'static [&'static str] {
        &[]
    }

    /// The line that an application writes to have what this middleware requires, such as `App::new(urls).auth()`. The start-up
    /// error for a missing one shows it.
    fn remedy(&self) -> Option<&'static str> {
        None
    }
}

/// What [`Stack`] and [`Router::middleware`](crate::Router::middleware) take: a [`Middleware`] or an `async fn` of its
/// shape. `Kind` tells the two apart for the compiler, which finds it out by itself.
pub trait IntoMiddleware<Kind> {
    /// The layer in the one form that the pipeline keeps.
    fn into_middleware(self) -> Layer;
}

/// Marks types that are [`Middleware`].
pub struct Typed;

/// Marks functions that serve as middleware.
pub struct Function;

impl<M: Middleware> IntoMiddleware<Typed> for M {
    fn into_middleware(self) -> Layer {
        Layer(Arc::new(self))
    }
}

impl<F> IntoMiddleware<Function> for F
where
    F: for<'a> MiddlewareFn<'a> + Send + Sync + 'static,
{
    fn into_middleware(self) -> Layer {
        Layer(Arc::new(FunctionMiddleware(self)))
    }
}

/// What an `async fn(&mut Request, Next) -> Result<Response>` is.
pub trait MiddlewareFn<'a> {
    /// The future that it returns.
    type Future: Future<Output = Result<Response>> + Send + 'a;

    /// Begins to answer.
    fn begin(&self, req: &'a mut Request, next: Next<'a>) -> Self::Future;
}

impl<'a, F, Fut> MiddlewareFn<'a> for F
where
    F: Fn(&'a mut Request, Next<'a>) -> Fut,
    Fut: Future<Output = Result<Response>> + Send + 'a,
{
    type Future = Fut;

    fn begin(&self, req: &'a mut Request, next: Next<'a>) -> Fut {
        self(req, next)
    }
}

struct FunctionMiddleware<F>(F);

impl<F> BoxedMiddleware for FunctionMiddleware<F>
where
    F: for<'a> MiddlewareFn<'a> + Send + Sync + 'static,
{
    fn handle<'a>(&'a self, req: &'a mut Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(self.0.begin(req, next))
    }

    fn skips(&self, _req: &Request) -> bool {
        false
    }

    fn before_body(&self, _req: &mut Request) -> Result<()> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        short_name::<F>()
    }

    fn requires(&self) -> &'static [&'static str] {
        &[]
    }

    fn remedy(&self) -> Option<&'static str> {
        None
    }
}

/// A middleware in the form that the pipeline keeps.
#[derive(Clone)]
pub struct Layer(Arc<dyn BoxedMiddleware>);

impl Layer {
    /// The middleware's name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    pub(crate) fn requires(&self) -> &'static [&'static str] {
        self.0.requires()
    }

    pub(crate) fn remedy(&self) -> Option<&'static str> {
        self.0.remedy()
    }

    /// The middleware itself, where it is an `M`.
    pub(crate) fn downcast<M: Middleware>(&self) -> Option<&M> {
        let middleware: &dyn Any = &*self.0;
        middleware.downcast_ref()
    }
}

trait BoxedMiddleware: Any + Send + Sync {
    fn handle<'a>(&'a self, req: &'a mut Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>>;
    fn skips(&self, req: &Request) -> bool;
    fn before_body(&self, req: &mut Request) -> Result<()>;
    fn name(&self) -> &'static str;
    fn requires(&self) -> &'static [&'static str];
    fn remedy(&self) -> Option<&'static str>;
}

impl<M: Middleware> BoxedMiddleware for M {
    fn handle<'a>(&'a self, req: &'a mut Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(Middleware::handle(self, req, next))
    }

    fn skips(&self, req: &Request) -> bool {
        Middleware::skips(self, req)
    }

    fn before_body(&self, req: &mut Request) -> Result<()> {
        Middleware::before_body(self, req)
    }

    fn name(&self) -> &'static str {
        Middleware::name(self)
    }

    fn requires(&self) -> &'static [&'static str] {
        Middleware::requires(self)
    }

    fn remedy(&self) -> Option<&'static str> {
        Middleware::remedy(self)
    }
}

/// The rest of the way: the middleware further in, and the view.
pub struct Next<'a> {
    layers: &'a [Layer],
    endpoint: &'a Endpoint,
}

impl<'a> Next<'a> {
    pub(crate) fn new(layers: &'a [Layer], endpoint: &'a Endpoint) -> Self {
        Next { layers, endpoint }
    }

    /// Runs the rest and returns its answer. A panic in there comes back as an error.
    // No async fn, as every layer has the future of this in its own.
    pub fn run<'r>(self, req: &'r mut Request) -> impl Future<Output = Result<Response>> + Send
    where
        'a: 'r,
    {
        let rest = catch_unwind(AssertUnwindSafe(|| self.begin(req)));
        catch_panic(rest.unwrap_or_else(|payload| Box::pin(ready(Err(panics::error(payload))))))
    }

    /// Asks the rest about a request whose body has not been read. Returns which of them refuses it first, and why.
    fn refused_by(&self, req: &mut Request) -> Option<(usize, Error)> {
        self.layers.iter().enumerate().find_map(|(at, layer)| Some((at, layer.0.before_body(req).err()?)))
    }

    fn begin<'r>(self, req: &'r mut Request) -> BoxFuture<'r, Result<Response>>
    where
        'a: 'r,
    {
        let mut layers = self.layers.iter();
        match layers.find(|layer| !layer.0.skips(req)) {
            Some(layer) => layer.0.handle(req, Next { layers: layers.as_slice(), endpoint: self.endpoint }),
            None => self.endpoint.answer(req),
        }
    }
}

/// The last part of a type's path, without its generic arguments.
pub(crate) fn short_name<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}
