//! The body of a request while it arrives.

use std::future::Future;
use std::io::{Error as IoError, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming as HyperIncoming, SizeHint};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::connection_state::BusyGuard;
use super::lingering_close::drain;
use super::transfer_rate::quota;
use crate::error::BoxError;
use crate::request::TooSlow;

/// A body with a minimum transfer rate: over any `window` that is spent waiting for the client, it must send 1 KiB a second.
pub(super) struct Incoming {
    /// `None` once it is complete.
    body: Option<HyperIncoming>,
    busy: BusyGuard,
    window: Duration,
    /// Permits for bodies that are no longer read.
    lingering: Arc<Semaphore>,
    /// The bytes received in the current window, and the time spent waiting in it.
    received: usize,
    waited: Duration,
    /// `None` while the body need not be waited for: most bodies arrive with their headers.
    waiting: Option<Waiting>,
}

/// The start of a wait for a body, and the future that ends the wait with an error.
struct Waiting {
    since: Instant,
    end: Pin<Box<dyn Future<Output = BoxError> + Send>>,
}

impl Incoming {
    pub(super) fn new(body: HyperIncoming, busy: BusyGuard, window: Duration, lingering: Arc<Semaphore>) -> Self {
        Incoming { body: Some(body), busy, window, lingering, received: 0, waited: Duration::ZERO, waiting: None }
    }

    fn receive(&mut self, bytes: usize) {
        let waiting = self.waiting.take();
        self.received += bytes;
        if self.received >= quota(self.window) {
            (self.received, self.waited) = (0, Duration::ZERO);
        } else if let Some(Waiting { since, .. }) = waiting {
            self.waited += since.elapsed();
        }
    }

    /// Returns a wait that ends before the body is complete if the time is up or the client has closed its sending side.
    fn wait(&self) -> Waiting {
        let state = self.busy.state().clone();
        let left = self.window.saturating_sub(self.waited);
        let end = Box::pin(async move {
            match timeout(left, state.half_closed()).await {
                Ok(()) => IoError::from(ErrorKind::UnexpectedEof).into(),
                Err(_) => TooSlow.into(),
            }
        });
        Waiting { since: Instant::now(), end }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.receive(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            // More data may follow a malformed chunk.
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                this.body = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let waiting = match this.waiting.take() {
                    Some(waiting) => waiting,
                    None => this.wait(),
                };
                let error = ready!(this.waiting.insert(waiting).end.as_mut().poll(cx));
                this.waiting = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        if self.busy.stream().is_none() {
            self.busy.state().leave_unread();
        } else if let Ok(runtime) = Handle::try_current()
            && let Ok(permit) = self.lingering.clone().try_acquire_owned()
        {
            // The connection stays open, and only the stream would be reset, which some clients treat as a failure.
            runtime.spawn(async move {
                drain(body).await;
                drop(permit);
            });
        }
    }
}
