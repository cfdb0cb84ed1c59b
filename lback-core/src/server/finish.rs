//! Requests are carried to their end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that goes on by itself, in a task of its own, if it is dropped before its end: when a client hangs up,
/// hyper drops the future that was making its response.
pub(super) struct Finish<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Finish<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Finish(Some(Box::pin(future)))
    }
}

impl<T: Send + 'static> Future for Finish<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out, so that one that panics is not polled again.
        let Some(mut future) = self.0.take() else { return Poll::Pending };
        let result = future.as_mut().poll(cx);
        if result.is_pending() {
            self.0 = Some(future);
        }
        result
    }
}

impl<T: Send + 'static> Drop for Finish<T> {
    fn drop(&mut self) {
        if let Some(future) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(future);
        }
    }
}
