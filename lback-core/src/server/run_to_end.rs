//! Requests are carried to their end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::view::BoxFuture;

/// A future that goes on by itself, in a task of its own, if it is dropped before its end: when a client hangs up,
/// hyper drops the future that was making its response.
///
/// It ends with what was `held` until then.
pub(super) struct Finish<T: Send + 'static, H: Send + 'static> {
    running: Option<(BoxFuture<'static, T>, H)>,
}

impl<T: Send + 'static, H: Send + Unpin + 'static> Finish<T, H> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static, held: H) -> Self {
        Finish { running: Some((Box::pin(future), held)) }
    }
}

impl<T: Send + 'static, H: Send + Unpin + 'static> Future for Finish<T, H> {
    type Output = (T, H);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(T, H)> {
        // Taken out, so that one that panics is not polled again.
        let Some((mut future, held)) = self.running.take() else { return Poll::Pending };
        match future.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready((result, held)),
            Poll::Pending => {
                self.running = Some((future, held));
                Poll::Pending
            }
        }
    }
}

impl<T: Send + 'static, H: Send + 'static> Drop for Finish<T, H> {
    fn drop(&mut self) {
        if let Some((future, held)) = self.running.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                future.await;
                drop(held);
            });
        }
    }
}
