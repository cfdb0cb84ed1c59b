//! Runs requests to their end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::view::BoxFuture;

/// A future that continues in a task of its own if it is dropped before its end: when a client disconnects, hyper drops the
/// future that produces its response.
///
/// It holds `guards` until it ends, and then returns them.
pub(super) struct RunToEnd<T: Send + 'static, G: Send + 'static> {
    running: Option<(BoxFuture<'static, T>, G)>,
}

impl<T: Send + 'static, G: Send + Unpin + 'static> RunToEnd<T, G> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static, guards: G) -> Self {
        RunToEnd { running: Some((Box::pin(future), guards)) }
    }
}

impl<T: Send + 'static, G: Send + Unpin + 'static> Future for RunToEnd<T, G> {
    type Output = (T, G);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(T, G)> {
        // Taken out, so that a future that panics is not polled again.
        let Some((mut future, guards)) = self.running.take() else { return Poll::Pending };
        match future.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready((result, guards)),
            Poll::Pending => {
                self.running = Some((future, guards));
                Poll::Pending
            }
        }
    }
}

impl<T: Send + 'static, G: Send + 'static> Drop for RunToEnd<T, G> {
    fn drop(&mut self) {
        if let Some((future, guards)) = self.running.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                future.await;
                drop(guards);
            });
        }
    }
}
