//! A response's body on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};

use super::connection::Held;
use crate::Body;
use crate::error::BoxError;

/// A body that says, by being there, that its connection is busy.
pub(super) struct Answer {
    body: Body,
    /// hyper drops a body when it has ended, though what it gave may still be on its way. Of a large one it is not told before
    /// it asks for more, which it does when most of it has left.
    is_large: bool,
    _held: Arc<Held>,
}

/// So much the system takes at once, or hyper keeps.
const BUFFERED: u64 = 64 * 1024;

impl Answer {
    pub(super) fn new(body: Body, held: Arc<Held>) -> Self {
        let is_large = body.size_hint().exact().is_some_and(|size| size > BUFFERED);
        Answer { body, is_large, _held: held }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        !self.is_large && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
