//! The body of a response while it is sent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body as _, Frame, SizeHint};

use super::connection_state::BusyGuard;
use super::http2_streams::Stream;
use crate::Body;
use crate::error::BoxError;
use crate::view::BoxFuture;

/// Maximum size of a chunk that is passed to HTTP/2. The next chunk follows once the last one has been sent, so that the rest
/// can be discarded if the client reads nothing.
const CHUNK_BYTES: usize = 64 * 1024;

/// A body that fits in one chunk of this size ends with it, without waiting until it is sent.
const SMALL_BODY: usize = 16 * 1024;

/// A response body that keeps its connection busy until its last byte has been sent.
pub(super) struct ResponseBody {
    body: Body,
    /// The rest of the last frame of `body`.
    rest: Bytes,
    /// Whether the body ends only once everything has been sent.
    is_long: bool,
    is_streaming: bool,
    /// Completes when a body that has no end of its own should end.
    end: Option<BoxFuture<'static, ()>>,
    /// `None` once the last chunk holds it.
    busy: Option<BusyGuard>,
}

impl ResponseBody {
    pub(super) fn new(body: Body, busy: BusyGuard, end: Option<BoxFuture<'static, ()>>) -> Self {
        let is_streaming = body.size_hint().exact().is_none();
        if is_streaming {
            busy.state().begin_streaming();
        }
        if let Some(stream) = busy.stream() {
            stream.begin_response(&body);
        }
        ResponseBody { body, rest: Bytes::new(), is_long: false, is_streaming, end, busy: Some(busy) }
    }

    fn frame(&mut self, bytes: Bytes) -> Option<Frame<Chunk>> {
        // Most responses consist of one chunk.
        let is_last = !self.is_streaming && self.is_end_stream();
        let busy = if is_last { self.busy.take()? } else { self.busy.clone()? };
        busy.add_queued(bytes.len());
        Some(Frame::data(Chunk { bytes, busy }))
    }

    /// Returns the next chunk of a frame, which HTTP/2 does not get all at once.
    fn next_frame(&mut self) -> Option<Frame<Chunk>> {
        let size = self.rest.len().min(CHUNK_BYTES);
        self.is_long |= size > SMALL_BODY || size < self.rest.len() || !self.body.is_end_stream();
        let bytes = self.rest.split_to(size);
        self.frame(bytes)
    }

    fn stream(&self) -> Option<&Stream> {
        self.busy.as_ref()?.stream().map(AsRef::as_ref)
    }
}

impl hyper::body::Body for ResponseBody {
    type Data = Chunk;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Chunk>, BoxError>>> {
        let this = &mut *self;
        if this.end.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
            (this.body, this.end) = (Body::empty(), None);
        }
        if let Some(stream) = this.stream() {
            ready!(stream.poll_sent(cx))?;
        }
        if this.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)?) else { return Poll::Ready(None) };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(other) => return Poll::Ready(other.into_trailers().ok().map(|trailers| Ok(Frame::trailers(trailers)))),
            };
            if this.stream().is_none() {
                return Poll::Ready(this.frame(data).map(Ok));
            }
            this.rest = data;
        }
        Poll::Ready(this.next_frame().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.is_long && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if self.is_streaming
            && let Some(busy) = &self.busy
        {
            busy.state().end_streaming();
        }
    }
}

/// A chunk of a response. hyper keeps it until the system has accepted all of it.
pub(super) struct Chunk {
    bytes: Bytes,
    busy: BusyGuard,
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.busy.add_sent(count);
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.busy.discard(self.bytes.len());
        }
    }
}
