//! What a connection holds, and who keeps it busy.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;

use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

use super::http2_streams::{Stream, Streams};
use super::transfer_rate::Progress;

/// The state that a connection shares with its requests and responses.
///
/// A request whose client hung up still keeps its connection's place, and has the server wait for it.
pub(super) struct Held {
    _alive: mpsc::Sender<()>,
    _place: OwnedSemaphorePermit,
    /// Requests that have begun.
    begun: AtomicUsize,
    /// Notified by the first request.
    pub(super) first: Notify,
    /// What is in the works: views, bodies on their way, data that the system has not taken yet.
    busy: AtomicUsize,
    /// A request body was dropped before its end, so its client may still be sending.
    left_unread: AtomicBool,
    /// Response bodies of unknown length that are on their way.
    streaming: AtomicUsize,
    /// The client has closed its sending side. Request bodies that wait for more are notified.
    half_closed: AtomicBool,
    pub(super) ended: Notify,
    /// The connection's task, once it waits for the end of what is in the works.
    waker: Mutex<Option<Waker>>,
    /// All response data of the connection.
    pub(super) progress: Progress,
    /// The streams, on HTTP/2.
    pub(super) streams: OnceLock<Arc<Streams>>,
}

impl Held {
    pub(super) fn new(alive: mpsc::Sender<()>, place: OwnedSemaphorePermit) -> Self {
        Held {
            _alive: alive,
            _place: place,
            begun: AtomicUsize::new(0),
            first: Notify::new(),
            busy: AtomicUsize::new(0),
            left_unread: AtomicBool::new(false),
            streaming: AtomicUsize::new(0),
            half_closed: AtomicBool::new(false),
            ended: Notify::new(),
            waker: Mutex::new(None),
            progress: Progress::default(),
            streams: OnceLock::new(),
        }
    }

    /// Counts a request, and returns what keeps the connection busy until it is dropped.
    pub(super) fn begin(self: &Arc<Self>, stream: Option<Arc<Stream>>) -> Busy {
        if self.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            self.first.notify_one();
        }
        Busy::new(self.clone(), stream)
    }

    /// The number of requests that have begun.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }

    /// Notes that a request body was dropped before its end.
    pub(super) fn leave_unread(&self) {
        self.left_unread.store(true, Ordering::Relaxed);
    }

    /// Returns whether the client may still be sending a body that nobody reads.
    pub(super) fn was_left_unread(&self) -> bool {
        self.left_unread.load(Ordering::Relaxed)
    }

    pub(super) fn begin_streaming(&self) {
        self.streaming.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_streaming(&self) {
        self.streaming.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns whether the client has closed its sending side while it is sent a body without a known end.
    pub(super) fn may_be_gone(&self) -> bool {
        self.is_half_closed() && self.streaming.load(Ordering::Relaxed) > 0
    }

    /// Notes that the client has closed its sending side, and returns whether something is in the works. If so, `waker` is
    /// woken when some of it ends.
    pub(super) fn half_close(&self, waker: &Waker) -> bool {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
        // Before the counter is read, as `Busy` changes the counter before it reads this.
        if !self.half_closed.swap(true, Ordering::SeqCst) {
            self.ended.notify_waiters();
        }
        self.is_busy()
    }

    /// Returns whether the client has closed its sending side.
    pub(super) fn is_half_closed(&self) -> bool {
        self.half_closed.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

/// Keeps a connection busy as long as it is there: a view, a body, a piece of a response.
pub(super) struct Busy {
    held: Arc<Held>,
    /// The stream it belongs to, on HTTP/2.
    stream: Option<Arc<Stream>>,
}

impl Busy {
    fn new(held: Arc<Held>, stream: Option<Arc<Stream>>) -> Self {
        held.busy.fetch_add(1, Ordering::SeqCst);
        Busy { held, stream }
    }

    pub(super) fn held(&self) -> &Arc<Held> {
        &self.held
    }

    pub(super) fn stream(&self) -> Option<&Arc<Stream>> {
        self.stream.as_ref()
    }

    /// Counts response data that is handed to hyper.
    pub(super) fn give(&self, bytes: usize) {
        self.held.progress.give(bytes);
        if let Some(stream) = &self.stream {
            stream.give(bytes);
        }
    }

    /// Counts response data that the system has taken.
    pub(super) fn take(&self, bytes: usize) {
        self.held.progress.take(bytes);
        if let Some(stream) = &self.stream {
            stream.take(bytes);
        }
    }

    /// Counts response data that was thrown away.
    pub(super) fn throw_away(&self, bytes: usize) {
        self.held.progress.throw_away(bytes);
        if let Some(stream) = &self.stream {
            stream.throw_away(bytes);
        }
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        Busy::new(self.held.clone(), self.stream.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.held.busy.fetch_sub(1, Ordering::SeqCst);
        if self.held.is_half_closed() {
            self.held.wake();
        }
    }
}
