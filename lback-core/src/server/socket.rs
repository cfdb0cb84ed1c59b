//! The socket of a connection, as hyper reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection_state::ConnectionState;

/// A socket that hides the end of the input from hyper until every request is answered.
///
/// A client may close its sending side after its last request and still wait for the responses (RFC 9293, 3.6). hyper would
/// treat the end of the input as a disconnected client. hyper's own option for such clients is not to read at all, but then a
/// broken connection goes unnoticed, too.
pub(super) struct Socket {
    stream: TcpStream,
    state: Arc<ConnectionState>,
    /// HTTP/2 reads requests and the end of the input before it passes them on.
    is_http2: bool,
    input: InputState,
}

#[derive(PartialEq)]
enum InputState {
    /// The client may still send.
    Open,
    /// The client has closed its sending side and waits for responses.
    HalfClosed,
    /// Every request is answered.
    Answered,
    /// The responses have been written as well.
    Flushed,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, state: Arc<ConnectionState>, is_http2: bool) -> Self {
        Socket { stream, state, is_http2, input: InputState::Open }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Ready when hyper may see the end of the input.
    fn poll_end(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.state.begun() == 0 && !self.is_http2 {
            return Poll::Ready(Ok(()));
        }
        let is_busy = self.state.half_close(cx.waker());
        match self.input {
            InputState::Flushed if !is_busy => return Poll::Ready(Ok(())),
            _ if is_busy => self.input = InputState::HalfClosed,
            _ => self.input = InputState::Answered,
        }
        Poll::Pending
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.input == InputState::Open {
            let before = buffer.remaining();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            if buffer.remaining() < before || before == 0 {
                return Poll::Ready(Ok(()));
            }
            this.input = InputState::HalfClosed;
        }
        this.poll_end(cx)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has written everything.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.input == InputState::Answered {
            self.input = InputState::Flushed;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
