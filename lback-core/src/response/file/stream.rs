//! File contents that are read while they are sent.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

pub(super) const CHUNK_BYTES: u64 = 64 * 1024;

/// The next `remaining` bytes of a file. If there are fewer, the body fails, and the client sees a broken connection instead of
/// a file that looks complete.
pub(super) struct FileBody {
    state: State,
    remaining: u64,
}

enum State {
    Idle(File),
    Reading(JoinHandle<io::Result<(File, Bytes)>>),
    Failed,
}

impl FileBody {
    pub(super) fn new(file: File, length: u64) -> Self {
        FileBody { state: State::Idle(file), remaining: length }
    }
}

/// Reads up to `limit` bytes. Returns an error if there are none.
pub(super) fn read_chunk(file: &mut File, limit: u64) -> io::Result<Bytes> {
    let limit = limit.min(CHUNK_BYTES);
    let mut chunk = Vec::with_capacity(limit as usize);
    file.take(limit).read_to_end(&mut chunk)?;
    if chunk.is_empty() && limit > 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was being sent"));
    }
    Ok(chunk.into())
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.remaining == 0 {
            return Poll::Ready(None);
        }
        loop {
            match std::mem::replace(&mut this.state, State::Failed) {
                State::Idle(mut file) => {
                    let limit = this.remaining;
                    let runtime = Handle::try_current().map_err(io::Error::other)?;
                    this.state = State::Reading(runtime.spawn_blocking(move || {
                        let chunk = read_chunk(&mut file, limit)?;
                        Ok((file, chunk))
                    }));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(result) = Pin::new(&mut reading).poll(cx) else {
                        this.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (file, chunk) = result.unwrap_or_else(|error| Err(io::Error::other(error)))?;
                    this.state = State::Idle(file);
                    this.remaining = this.remaining.saturating_sub(chunk.len() as u64);
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
                State::Failed => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
