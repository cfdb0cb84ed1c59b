//! The socket of a connection, as hyper reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection_state::Held;

/// A socket whose end hyper sees only once everything is answered.
///
/// A client may close its sending side after its last request and still wait for the answers (RFC 9293, 3.6). hyper would
/// take the end for a client that hung up. Its own way to tell them apart is not to look at all, and then a client whose
/// connection broke goes unnoticed too.
pub(super) struct Wire {
    stream: TcpStream,
    held: Arc<Held>,
    /// HTTP/2 reads requests, and the end, before it hands them over.
    is_http2: bool,
    end: End,
}

#[derive(PartialEq)]
enum End {
    /// The client may still send.
    Open,
    /// It has closed its sending side, and waits for answers.
    Hidden,
    /// Everything is answered.
    Answered,
    /// And it has been written since.
    Written,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, held: Arc<Held>, is_http2: bool) -> Self {
        Wire { stream, held, is_http2, end: End::Open }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Ready when hyper may see the end.
    fn poll_end(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.held.begun() == 0 && !self.is_http2 {
            return Poll::Ready(Ok(()));
        }
        let is_busy = self.held.half_close(cx.waker());
        match self.end {
            End::Written if !is_busy => return Poll::Ready(Ok(())),
            _ if is_busy => self.end = End::Hidden,
            _ => self.end = End::Answered,
        }
        Poll::Pending
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.end == End::Open {
            let before = buffer.remaining();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            if buffer.remaining() < before || before == 0 {
                return Poll::Ready(Ok(()));
            }
            this.end = End::Hidden;
        }
        this.poll_end(cx)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.end == End::Answered {
            self.end = End::Written;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
