//! A request's body on its way.

use std::future::Future;
use std::io::{Error as IoError, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming as HyperIncoming, SizeHint};
use tokio::time::{Instant, timeout};

use super::held::Busy;
use super::progress::quota;
use crate::error::BoxError;
use crate::request::TooSlow;

/// A body that has to keep coming: within any `window` that is spent waiting for the client, it has to send 1 KiB a second.
pub(super) struct Incoming {
    body: HyperIncoming,
    busy: Busy,
    window: Duration,
    /// What has come in the current window, and how much of it is over.
    received: usize,
    waited: Duration,
    /// Most bodies come with their headers, and are never waited for.
    waiting: Option<Waiting>,
    was_read: bool,
}

/// Since when a body is waited for, and how that ends: in an error.
struct Waiting {
    since: Instant,
    end: Pin<Box<dyn Future<Output = BoxError> + Send>>,
}

impl Incoming {
    pub(super) fn new(body: HyperIncoming, busy: Busy, window: Duration) -> Self {
        Incoming { body, busy, window, received: 0, waited: Duration::ZERO, waiting: None, was_read: false }
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
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.receive(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                this.was_read = true;
                Poll::Ready(end.map(|result| result.map_err(Into::into)))
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
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.was_read && !self.body.is_end_stream() {
            self.busy.held().leave_unread();
        }
    }
}
