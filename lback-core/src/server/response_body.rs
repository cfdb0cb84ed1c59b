//! A response's body on its way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body as _, Frame, SizeHint};

use super::connection_state::Busy;
use super::http2_streams::Stream;
use crate::Body;
use crate::error::BoxError;

/// The most of a body that HTTP/2 is handed at once. It gets the next piece when it has sent the last, so that what is left
/// can be thrown away if the client takes nothing.
const PIECE: usize = 64 * 1024;

/// A body that fits in one piece of this size ends with it, and nobody has to wait until it is sent.
const SMALL: usize = 16 * 1024;

/// A response body that keeps its connection busy until its last byte has left.
pub(super) struct Answer {
    body: Body,
    /// What is left of the last frame of `body`.
    rest: Bytes,
    /// It ends only when all has been sent.
    is_long: bool,
    is_streaming: bool,
    /// `None` once the last piece has it.
    busy: Option<Busy>,
}

impl Answer {
    pub(super) fn new(body: Body, busy: Busy) -> Self {
        let is_streaming = body.size_hint().exact().is_none();
        if is_streaming {
            busy.held().begin_streaming();
        }
        if let Some(stream) = busy.stream() {
            stream.answer(&body);
        }
        Answer { body, rest: Bytes::new(), is_long: false, is_streaming, busy: Some(busy) }
    }

    fn piece(&mut self, bytes: Bytes) -> Option<Frame<Piece>> {
        // Most responses are one piece.
        let is_last = !self.is_streaming && self.is_end_stream();
        let busy = if is_last { self.busy.take()? } else { self.busy.clone()? };
        busy.give(bytes.len());
        Some(Frame::data(Piece { bytes, busy }))
    }

    /// The next piece of a frame of which HTTP/2 does not get all at once.
    fn next_piece(&mut self) -> Option<Frame<Piece>> {
        let size = self.rest.len().min(PIECE);
        self.is_long |= size > SMALL || size < self.rest.len() || !self.body.is_end_stream();
        let bytes = self.rest.split_to(size);
        self.piece(bytes)
    }

    fn stream(&self) -> Option<&Stream> {
        self.busy.as_ref()?.stream().map(AsRef::as_ref)
    }
}

impl hyper::body::Body for Answer {
    type Data = Piece;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, BoxError>>> {
        let this = &mut *self;
        if let Some(stream) = this.stream() {
            ready!(stream.poll_taken(cx))?;
        }
        if this.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)?) else { return Poll::Ready(None) };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(other) => return Poll::Ready(other.into_trailers().ok().map(|trailers| Ok(Frame::trailers(trailers)))),
            };
            if this.stream().is_none() {
                return Poll::Ready(this.piece(data).map(Ok));
            }
            this.rest = data;
        }
        Poll::Ready(this.next_piece().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.is_long && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.is_streaming
            && let Some(busy) = &self.busy
        {
            busy.held().end_streaming();
        }
    }
}

/// A piece of a response. hyper keeps it until the system has taken all of it.
pub(super) struct Piece {
    bytes: Bytes,
    busy: Busy,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.busy.take(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.busy.throw_away(self.bytes.len());
        }
    }
}
