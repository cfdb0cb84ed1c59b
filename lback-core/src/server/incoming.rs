//! A request's body on its way.

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

use super::connection_state::Busy;
use super::lingering_close::drain;
use super::transfer_rate::quota;
use crate::error::BoxError;
use crate::request::TooSlow;

/// A body that has to keep coming: within any `window` that is spent waiting for the client, it has to send 1 KiB a second.
pub(super) struct Incoming {
    /// `None` once it is complete.
    body: Option<HyperIncoming>,
    busy: Busy,
    window: Duration,
    /// Places for bodies that nobody reads.
    lingering: Arc<Semaphore>,
    /// What has come in the current window, and how much of it is over.
    received: usize,
    waited: Duration,
    /// Most bodies come with their headers, and are never waited for.
    waiting: Option<Waiting>,
}

/// Since when a body is waited for, and how that ends: in an error.
struct Waiting {
    since: Instant,
    end: Pin<Box<dyn Future<Output = BoxError> + Send>>,
}

impl Incoming {
    pub(super) fn new(body: HyperIncoming, busy: Busy, window: Duration, lingering: Arc<Semaphore>) -> Self {
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

    /// Waits for what can end a body before it is complete: its time is up, or the client has closed its sending side.
    fn wait(&self) -> Waiting {
        let held = self.busy.held().clone();
        let left = self.window.saturating_sub(self.waited);
        let end = Box::pin(async move {
            let ended = async {
                // In this order, or the end could come between the two.
                let notified = held.ended.notified();
                if !held.is_half_closed() {
                    notified.await;
                }
            };
            match timeout(left, ended).await {
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
            // After a chunk that is malformed, there may be more to come.
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
            self.busy.held().leave_unread();
        } else if let Ok(runtime) = Handle::try_current()
            && let Ok(place) = self.lingering.clone().try_acquire_owned()
        {
            // The connection goes on, and only the stream would be reset, which some clients take for a failure.
            runtime.spawn(async move {
                drain(body).await;
                drop(place);
            });
        }
    }
}
