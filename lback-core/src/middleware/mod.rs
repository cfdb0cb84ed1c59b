//! Middleware: code that runs around every view.

mod allowed_hosts;
pub(crate) mod body;
#[cfg(feature = "compression")]
mod compression;
mod cors;
mod csrf;
mod errors;
mod live_reload;
mod page_script;
mod request_log;
mod security_headers;
mod stack;
mod static_files;
mod timeout;
mod toolbar;

pub use allowed_hosts::AllowedHosts;
pub(crate) use allowed_hosts::is_allowed as is_allowed_host;
pub use body::BodyReader;
#[cfg(feature = "compression")]
pub use compression::{Compression, Uncompressed, compress_file};
pub use cors::CorsMiddleware;
pub use csrf::CsrfMiddleware;
pub use errors::Errors;
pub use live_reload::LiveReload;
pub use request_log::RequestLog;
pub use security_headers::SecurityHeaders;
pub(crate) use stack::check_order;
pub use stack::{Slot, Stack};
pub use static_files::StaticFiles;
pub use timeout::Timeout;
pub use toolbar::Toolbar;

use std::any::Any;
use std::fmt;
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::panics::{self, catch_panic};
use crate::profile::{Layers, Profile};
use crate::router::Endpoint;
use crate::sealed::SealedKind;
use crate::view::BoxFuture;
use crate::{Error, Request, Response, Result};

/// A layer of the middleware stack, which runs code around the layers further in and the view.
///
/// Code before `next.run(req)` sees the request on its way in, and code after it sees the response on its way out. A middleware
/// that does not call `next` answers the request itself. An error stays an error until it reaches [`Errors`], which turns it
/// into a page: after `next.run(req).await?`, the code that follows is skipped for errors.
///
/// ```
/// use lback::{Request, Response, Result};
/// use lback::http::WithHeader;
/// use lback::middleware::{Middleware, Next};
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
/// An `async fn` with the same signature is a middleware, too:
///
/// ```
/// use lback::{Error, Request, Response, Result, Router};
/// use lback::middleware::Next;
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
    /// Answers the request, usually by running the rest of the stack and inspecting or changing its response.
    ///
    /// An error travels outwards to [`Errors`], which turns it into a page.
    fn handle(&self, req: &mut Request, next: Next<'_>) -> impl Future<Output = Result<Response>> + Send;

    /// Returns whether this middleware can be skipped for the request. Skipping it costs less than running it.
    ///
    /// This method is called when the middleware's turn has come, so it sees the changes that outer middleware made.
    /// [`handle`](Self::handle) must be correct without it, because a middleware that wraps another may not call it.
    fn skips(&self, _req: &Request) -> bool {
        false
    }

    /// Refuses a request based on its method, path, headers and session, before [`BodyReader`] reads its body.
    ///
    /// A guard that implements this method uses no memory for the bodies of the requests that it refuses. The method is called
    /// only for requests with a body, so [`handle`](Self::handle) must refuse requests by itself, too. If the method returns an
    /// error, the middleware between `BodyReader` and this one runs with an empty body, as it does around any other refusal.
    /// Then the method is called again, because one of those middleware may have logged the visitor in. It must not block.
    ///
    /// ```
    /// use lback::{Error, Request, Response, Result};
    /// use lback::middleware::{Middleware, Next};
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
    /// Returns the error that answers the request.
    fn before_body(&self, _req: &mut Request) -> Result<()> {
        Ok(())
    }

    /// Returns the name that the route list and start-up errors show.
    fn name(&self) -> &'static str {
        short_name::<Self>()
    }

    /// Returns the names of the middleware that must be outside this one. The application does not start unless all of them
    /// are.
    fn requires(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the line of code that adds what this middleware requires, such as `App::new(urls).auth()`. The start-up error
    /// for a missing middleware shows it.
    fn remedy(&self) -> Option<&'static str> {
        None
    }
}

/// A [`Middleware`] or an `async fn` with the same signature, as accepted by [`Stack`] and
/// [`Router::middleware`](crate::Router::middleware). The compiler infers `Kind`, which tells the two apart.
pub trait IntoMiddleware<Kind>: SealedKind<Kind> {
    /// Converts it into the form that the stack stores.
    fn into_middleware(self) -> Layer;
}

/// Marks types that are [`Middleware`].
#[derive(Debug)]
pub struct Typed;

/// Marks functions that serve as middleware.
#[derive(Debug)]
pub struct Function;

impl<M: Middleware> SealedKind<Typed> for M {}

impl<M: Middleware> IntoMiddleware<Typed> for M {
    fn into_middleware(self) -> Layer {
        Layer(Arc::new(self))
    }
}

impl<F> SealedKind<Function> for F where F: for<'a> MiddlewareFn<'a> + Send + Sync + 'static {}

impl<F> IntoMiddleware<Function> for F
where
    F: for<'a> MiddlewareFn<'a> + Send + Sync + 'static,
{
    fn into_middleware(self) -> Layer {
        Layer(Arc::new(FunctionMiddleware(self)))
    }
}

/// An `async fn(&mut Request, Next) -> Result<Response>`.
pub trait MiddlewareFn<'a> {
    /// The future that it returns.
    type Future: Future<Output = Result<Response>> + Send + 'a;

    /// Starts to answer the request.
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

/// A middleware in the form that the stack stores.
#[derive(Clone)]
pub struct Layer(Arc<dyn BoxedMiddleware>);

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layer").field(&self.name()).finish()
    }
}

impl Layer {
    /// Returns the middleware's name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    pub(crate) fn requires(&self) -> &'static [&'static str] {
        self.0.requires()
    }

    pub(crate) fn remedy(&self) -> Option<&'static str> {
        self.0.remedy()
    }

    /// Returns the middleware itself if it is an `M`.
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

/// The rest of the stack: the middleware further in, and the view.
pub struct Next<'a> {
    layers: &'a [Layer],
    endpoint: &'a Endpoint,
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("layers", &self.layers).finish_non_exhaustive()
    }
}

impl<'a> Next<'a> {
    pub(crate) fn new(layers: &'a [Layer], endpoint: &'a Endpoint) -> Self {
        Next { layers, endpoint }
    }

    /// Runs the rest of the stack and returns its result. A panic in it is returned as an error.
    // Not an async fn, because the future of every layer contains this one.
    pub fn run<'r>(self, req: &'r mut Request) -> impl Future<Output = Result<Response>> + Send
    where
        'a: 'r,
    {
        let rest = catch_unwind(AssertUnwindSafe(|| self.begin(req)));
        catch_panic(rest.unwrap_or_else(|payload| Box::pin(ready(Err(panics::error(payload))))))
    }

    /// Asks the rest of the stack about a request whose body has not been read. Returns the index of the first middleware that
    /// refuses it, with its error.
    fn refused_by(&self, req: &mut Request) -> Option<(usize, Error)> {
        self.layers.iter().enumerate().find_map(|(at, layer)| Some((at, layer.0.before_body(req).err()?)))
    }

    fn begin<'r>(self, req: &'r mut Request) -> BoxFuture<'r, Result<Response>>
    where
        'a: 'r,
    {
        let mut layers = self.layers.iter();
        let layer = layers.find(|layer| !layer.0.skips(req));
        let profile = Profile::current();
        let timed = profile.map(|profile| (Layers::enter(&profile, layer.map_or("view", Layer::name)), profile));
        let answer = match layer {
            Some(layer) => layer.0.handle(req, Next { layers: layers.as_slice(), endpoint: self.endpoint }),
            None => self.endpoint.answer(req),
        };
        match timed {
            None => answer,
            Some((entered, profile)) => Box::pin(async move {
                let result = answer.await;
                Layers::leave(&profile, entered);
                result
            }),
        }
    }
}

/// Returns the last segment of a type's path, without its generic arguments.
pub(crate) fn short_name<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}
