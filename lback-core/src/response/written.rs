//! Bodies that a function writes on a thread of its own, while they are sent.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::error::BoxError;
use crate::{Result, panics};

/// Maximum number of bodies that are written at the same time. Each occupies a thread until its client has read it.
pub(crate) const MAX_WRITTEN: usize = 32;

const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait for a slow client.
const CHUNKS: usize = 2;

/// The body of a response, as the function of [`Response::written`](crate::Response::written) writes it.
///
/// It collects what is written into pieces of 64 KiB and blocks while the client has yet to read two of them. If the client hangs up,
/// writing fails with [`io::ErrorKind::BrokenPipe`].
pub struct BodyWriter {
    chunk: Vec<u8>,
    chunks: Chunks,
}

/// Pieces of the body. `None` is its end: if that does not come, the body is not complete.
type Chunks = mpsc::Sender<Result<Option<Bytes>, BoxError>>;

impl fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter").field("collected", &self.chunk.len()).finish_non_exhaustive()
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES - self.chunk.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.chunk.extend_from_slice(taken);
        if self.chunk.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(taken.len())
    }

    /// Sends what was written so far. Without it, that waits for a full piece or the end.
    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.send(Some(chunk.into()))
    }
}

impl BodyWriter {
    /// Returns an error if the client has disconnected: for work that takes long before it writes.
    ///
    /// # Errors
    /// Returns an error of the kind [`io::ErrorKind::BrokenPipe`].
    pub fn check_connected(&self) -> io::Result<()> {
        if self.chunks.is_closed() { Err(disconnected()) } else { Ok(()) }
    }

    fn send(&mut self, chunk: Option<Bytes>) -> io::Result<()> {
        self.chunks.blocking_send(Ok(chunk)).map_err(|_| disconnected())
    }

    fn end(&mut self) -> Result<()> {
        self.flush()?;
        Ok(self.send(None)?)
    }
}

fn disconnected() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the client has disconnected")
}

type Work = Box<dyn FnOnce(&mut BodyWriter) -> Result<()> + Send>;

/// A body whose function starts when the body is first asked for, so never for a HEAD request.
pub(super) struct WrittenBody {
    state: State,
}

enum State {
    Waiting(Work, OwnedSemaphorePermit),
    Running(mpsc::Receiver<Result<Option<Bytes>, BoxError>>),
    Ended,
}

impl WrittenBody {
    pub(super) fn new(permit: OwnedSemaphorePermit, work: impl FnOnce(&mut BodyWriter) -> Result<()> + Send + 'static) -> Self {
        WrittenBody { state: State::Waiting(Box::new(work), permit) }
    }
}

/// Runs the function to its end. An error ends the body, so that the client does not take it for complete.
fn run(work: Work, chunks: Chunks) {
    let mut out = BodyWriter { chunk: Vec::new(), chunks };
    let written = catch_unwind(AssertUnwindSafe(|| work(&mut out))).unwrap_or_else(|payload| Err(panics::error(payload)));
    let Err(error) = written.and_then(|()| out.end()) else { return };
    if out.chunks.is_closed() {
        tracing::debug!(target: "lback::response", %error, "a client disconnected before it had the whole response");
        return;
    }
    tracing::error!(target: "lback::response", %error, "a response could not be written to its end");
    let _ = out.chunks.blocking_send(Err("the response could not be written to its end".into()));
}

impl Body for WrittenBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let state = &mut self.get_mut().state;
        if let State::Waiting(..) = state {
            let runtime = Handle::try_current()?;
            let (chunks, receiver) = mpsc::channel(CHUNKS);
            if let State::Waiting(work, permit) = std::mem::replace(state, State::Running(receiver)) {
                runtime.spawn_blocking(move || {
                    let _permit = permit;
                    run(work, chunks);
                });
            }
        }
        let State::Running(chunks) = state else { return Poll::Ready(None) };
        let next = match std::task::ready!(chunks.poll_recv(cx)) {
            Some(Ok(Some(chunk))) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Some(Ok(None)) => None,
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err("the response ended before it was complete".into())),
        };
        *state = State::Ended;
        Poll::Ready(next)
    }
}
