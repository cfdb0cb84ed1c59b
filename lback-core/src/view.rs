//! Views: functions that answer requests.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::panics::{self, catch_panic};
use crate::sealed::SealedKind;
use crate::{IntoResponse, Request, Response, Result};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A function that answers a request: a `fn`, an `async fn`, a closure or an async closure that takes `&mut Request`.
///
/// ```
/// use lback::{Request, Response, Result, Router};
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
/// A plain closure can own the values that it captures. An async closure cannot, because its future would borrow from it; keep
/// what such a view needs in the application's [state](crate::Assembly::state).
///
/// A plain `fn` runs on a thread where it may block. An `async fn` runs on the threads that serve connections and must not
/// block. The compiler infers `Kind`, which tells the two apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view",
    label = "not a view",
    note = "a view takes one argument and returns a value that implements `IntoResponse`: \
            `fn index(req: &mut Request) -> Result<Response>`, or the same as an `async fn`",
    note = "an async view must be `Send`: it cannot hold a value that is not, such as an `Rc` or a borrow of a `RefCell`, across an `.await`"
)]
pub trait View<Kind>: SealedKind<Kind> + Send + Sync + 'static {
    /// Converts the view into the form that a route stores.
    fn into_view(self) -> Arc<dyn BoxedView>;
}

/// A view in the form that a route stores.
pub trait BoxedView: Send + Sync {
    /// Answers the request.
    fn call<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>>;
}

/// Marks views that are plain functions.
#[derive(Debug)]
pub struct Blocking;

/// Marks views that are async functions.
#[derive(Debug)]
pub struct Async;

impl<F, R> SealedKind<(Blocking, R)> for F
where
    F: Fn(&mut Request) -> R + Send + Sync + 'static,
    R: IntoResponse + 'static,
{
}

impl<F, R> View<(Blocking, R)> for F
where
    F: Fn(&mut Request) -> R + Send + Sync + 'static,
    R: IntoResponse + 'static,
{
    fn into_view(self) -> Arc<dyn BoxedView> {
        Arc::new(BlockingView(Arc::new(move |req: &mut Request| self(req).into_response())))
    }
}

impl<F> SealedKind<Async> for F where F: for<'a> AsyncView<'a> + Send + Sync + 'static {}

impl<F> View<Async> for F
where
    F: for<'a> AsyncView<'a> + Send + Sync + 'static,
{
    fn into_view(self) -> Arc<dyn BoxedView> {
        Arc::new(FutureView(self))
    }
}

/// An `async fn(&mut Request)`: a function whose future may borrow the request.
pub trait AsyncView<'a> {
    /// The future that it returns.
    type Future: Future<Output: IntoResponse> + Send + 'a;

    /// Starts to answer the request.
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

/// The function is shared with the threads that run it.
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
        // Waiting here occupies no thread, and the view of a request that is cancelled meanwhile never starts.
        let app = req.app().clone();
        let permit = app.view_threads().permit().await?;
        let (view, mut moved) = (self.0.clone(), req.take());
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(|| view(&mut moved)));
            let result = result.unwrap_or_else(|payload| Err(panics::error(payload)));
            (moved, result)
        };
        let (moved, result) = app.view_threads().run(permit, run).await?;
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
                    Some(name) => catch_panic(Box::pin(watch(name, answer))).await,
                }
            };
            discard_cookies_if_failed(req, result)
        })
    }
}

/// Discards the cookies that the view has added, if it failed.
fn discard_cookies_if_failed(req: &mut Request, result: Result<Response>) -> Result<Response> {
    if req.conclude(result.as_ref()).has_failed()
        && let Some(cookies) = req.pending_cookies()
    {
        cookies.discard();
    }
    result
}

/// How long an async view may block its thread before the log warns about it.
const SLOW_POLL: Duration = Duration::from_millis(100);

/// Logs a warning if an async view blocks its thread. Nothing else reveals this: the request log shows how long a request took,
/// but not how long other requests waited for it.
async fn watch<T>(name: String, view: impl Future<Output = T>) -> T {
    let mut view = pin!(view);
    let mut warned = false;
    poll_fn(move |cx| {
        let begin = Instant::now();
        let polled = view.as_mut().poll(cx);
        let took = begin.elapsed();
        if took >= SLOW_POLL && !warned {
            warned = true;
            tracing::warn!(
                "the async view of {name} blocked a server thread for {} ms, so other requests had to wait; make it a plain fn, which may \
                 block, or await the slow operation",
                took.as_millis()
            );
        }
        polled
    })
    .await
}
