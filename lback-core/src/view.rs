//! A function that answers requests.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::panics::{self, catch_panic};
use crate::{Error, IntoResponse, Request, Response, Result, blocking};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Anything that answers a request: a `fn`, an `async fn`, a closure or an async closure of `&mut Request`.
///
/// ```
/// use lback_core::{Request, Response, Result, Router};
///
/// fn index(_: &mut Request) -> Result<Response> { Ok(Response::text("may block")) }
/// async fn proxy(_: &mut Request) -> Result<Response> { Ok(Response::text("may await")) }
///
/// let router = Router::new()
///     .get("/", index)
///     .get("/proxy", proxy)
///     .get("/hello", |_: &mut Request| "hello")
///     .get("/later", async |_: &mut Request| "hello, later");
/// # let _ = router;
/// ```
///
/// A plain closure may own what it captures; an async closure may not (its future would borrow from it), so what such a
/// view needs is kept in the application's [state](crate::Assembly::state).
///
/// A plain `fn` runs on a thread where it may block; an `async fn` runs on the threads that serve connections, and must
/// not. `Kind` only tells the two apart for the compiler, which finds it out by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no view",
    label = "not a view",
    note = "a view takes one argument and answers with something that implements `IntoResponse`: \
            `fn index(req: &mut Request) -> Result<Response>`, or `async fn` with the same",
    note = "an async view must be `Send`: it cannot hold what is not, such as an `Rc` or a `RefCell`'s borrow, over an `.await`"
)]
pub trait View<Kind>: Send + Sync + 'static {
    /// The view in the one form that a route keeps.
    fn into_view(self) -> Arc<dyn BoxedView>;
}

/// A view in the form that a route keeps.
pub trait BoxedView: Send + Sync {
    /// Answers the request.
    fn call<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>>;
}

/// Marks views that are plain functions.
pub struct Blocking;

/// Marks views that are async functions.
pub struct Async;

impl<F, R> View<(Blocking, R)> for F
where
    F: Fn(&mut Request) -> R + Send + Sync + 'static,
    R: IntoResponse + 'static,
{
    fn into_view(self) -> Arc<dyn BoxedView> {
        Arc::new(BlockingView(Arc::new(move |req: &mut Request| self(req).into_response())))
    }
}

impl<F> View<Async> for F
where
    F: for<'a> AsyncView<'a> + Send + Sync + 'static,
{
    fn into_view(self) -> Arc<dyn BoxedView> {
        Arc::new(FutureView(self))
    }
}

/// What an `async fn(&mut Request)` is: a function whose future may borrow the request.
pub trait AsyncView<'a> {
    /// The future that it returns.
    type Future: Future<Output: IntoResponse> + Send + 'a;

    /// Begins to answer.
    fn begin(&self, req: &'a mut Request) -> Self::Future;
}

impl<'a, F, Fut> AsyncView<'a> for F
where
    F: Fn(&'a mut Request) -> Fut,
    Fut: Future<Output: IntoResponse> + Send + 'a,
{
    type Future = Fut;

    fn begin(&self, req: &'a mut Request) -> Fut {
        self(req)
    }
}

/// Shared with the threads on which it runs.
struct BlockingView<F>(Arc<F>);

impl<F> BoxedView for BlockingView<F>
where
    F: Fn(&mut Request) -> Result<Response> + Send + Sync + 'static,
{
    fn call<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let result = self.run(req).await;
            discard_cookies_if_failed(req, result)
        })
    }
}

impl<F> BlockingView<F>
where
    F: Fn(&mut Request) -> Result<Response> + Send + Sync + 'static,
{
    async fn run(&self, req: &mut Request) -> Result<Response> {
        // Waiting here costs no thread, and a request that is given up meanwhile never begins.
        let place = req.app().view_places().clone().acquire_owned().await;
        let place = place.map_err(|error| Error::unavailable("the server is stopping").with_source(error))?;
        let (view, mut moved) = (self.0.clone(), req.take());
        let run = move || {
            let _place = place;
            let result = catch_unwind(AssertUnwindSafe(|| view(&mut moved)));
            let result = result.unwrap_or_else(|payload| Err(panics::error(payload)));
            (moved, result)
        };
        let (moved, result) = blocking::on_thread(run).await?;
        *req = moved;
        result
    }
}

struct FutureView<F>(F);

impl<F> BoxedView for FutureView<F>
where
    F: for<'a> AsyncView<'a> + Send + Sync + 'static,
{
    fn call<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let watched = req.app().config().debug.then(|| format!("{} {}", req.method(), req.path()));
            let result = {
                let answer = pin!(async { self.0.begin(req).await.into_response() });
                match watched {
                    None => catch_panic(answer).await,
                    Some(what) => catch_panic(Box::pin(watch(what, answer))).await,
                }
            };
            discard_cookies_if_failed(req, result)
        })
    }
}

/// A view that fails takes the cookies it had added with it.
fn discard_cookies_if_failed(req: &mut Request, result: Result<Response>) -> Result<Response> {
    if req.conclude(result.as_ref()).has_failed()
        && let Some(cookies) = req.pending_cookies()
    {
        cookies.discard();
    }
    result
}

/// How long an async view may keep its thread from everybody else, before a developer is told.
const LONG: Duration = Duration::from_millis(100);

/// Tells a developer of an async view that does not give its thread back while it waits. Nothing else shows it: the log knows
/// how long a request took, and not how long the others waited for it.
async fn watch<T>(what: String, view: impl Future<Output = T>) -> T {
    let mut view = pin!(view);
    let mut told = false;
    poll_fn(move |cx| {
        let begin = Instant::now();
        let polled = view.as_mut().poll(cx);
        let took = begin.elapsed();
        if took >= LONG && !told {
            told = true;
            tracing::warn!(
                "the async view of {what} kept a thread of the server for {} ms, on which others wait; make it a plain fn, which may \
                 block, or await what takes its time",
                took.as_millis()
            );
        }
        polled
    })
    .await
}
