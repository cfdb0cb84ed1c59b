//! Requests are carried to their end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that goes on by itself, in a task of its own, if it is dropped before its end: when a client hangs up,
/// hyper drops the future that was making its response.
pub(super) struct Finish<T: Send + 'static, H: Send + 'static> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    /// What is held on to until the end.
    held: Option<H>,
}

impl<T: Send + 'static, H: Send + Unpin + 'static> Finish<T, H> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static, held: H) -> Self {
        Finish { future: Some(Box::pin(future)), held: Some(held) }
    }
}

impl<T: Send + 'static, H: Send + Unpin + 'static> Future for Finish<T, H> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out, so that one that panics is not polled again.
        let Some(mut future) = self.future.take() else { return Poll::Pending };
        let result = future.as_mut().poll(cx);
        match result.is_pending() {
            true => self.future = Some(future),
            false => self.held = None,
        }
        result
    }
}

impl<T: Send + 'static, H: Send + 'static> Drop for Finish<T, H> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let held = self.held.take();
            runtime.spawn(async move {
                future.await;
                drop(held);
            });
        }
    }
}
