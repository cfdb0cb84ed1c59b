//! The state of a connection, and the guards that keep it busy.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;

use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

use super::http2_streams::{Stream, Streams};
use super::transfer_rate::Progress;
use crate::upgrade::PendingUpgrade;

/// The state that a connection shares with its requests and responses.
///
/// A request whose client has disconnected still holds the connection's permit, and the server waits for it.
pub(super) struct ConnectionState {
    _alive: mpsc::Sender<()>,
    _permit: OwnedSemaphorePermit,
    /// Number of requests that have started.
    begun: AtomicUsize,
    /// Notified by the first request.
    pub(super) first: Notify,
    /// Number of unfinished items: views, bodies in transit, and data that the system has not accepted yet.
    busy: AtomicUsize,
    /// Whether a request body was dropped before its end, so that its client may still be sending.
    left_unread: AtomicBool,
    /// Number of response bodies of unknown length that are being sent.
    streaming: AtomicUsize,
    /// Whether the client has closed its sending side.
    half_closed: AtomicBool,
    /// Notifies those who wait for the client to close its sending side.
    ended: Notify,
    /// The connection's task, once it waits for unfinished items.
    waker: Mutex<Option<Waker>>,
    /// The progress of all responses on the connection.
    pub(super) progress: Progress,
    /// The connection's streams, on HTTP/2.
    pub(super) streams: OnceLock<Arc<Streams>>,
    /// What serves the connection after the response that switches its protocol, on HTTP/1.1.
    pub(super) upgrade: OnceLock<PendingUpgrade>,
}

impl ConnectionState {
    pub(super) fn new(alive: mpsc::Sender<()>, permit: OwnedSemaphorePermit) -> Self {
        ConnectionState {
            _alive: alive,
            _permit: permit,
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
            upgrade: OnceLock::new(),
        }
    }

    /// Counts a request and returns a guard that keeps the connection busy until it is dropped.
    pub(super) fn begin(self: &Arc<Self>, stream: Option<Arc<Stream>>) -> BusyGuard {
        if self.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            self.first.notify_one();
        }
        BusyGuard::new(self.clone(), stream)
    }

    /// Returns the number of requests that have started.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }

    /// Records that a request body was dropped before its end.
    pub(super) fn leave_unread(&self) {
        self.left_unread.store(true, Ordering::Relaxed);
    }

    /// Returns whether the client may still be sending a body that is no longer read.
    pub(super) fn was_left_unread(&self) -> bool {
        self.left_unread.load(Ordering::Relaxed)
    }

    pub(super) fn begin_streaming(&self) {
        self.streaming.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_streaming(&self) {
        self.streaming.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns whether the client has closed its sending side while it receives a body of unknown length.
    pub(super) fn may_be_gone(&self) -> bool {
        self.is_half_closed() && self.streaming.load(Ordering::Relaxed) > 0
    }

    /// Records that the client has closed its sending side, and returns whether there are unfinished items. If so, `waker` is
    /// woken when one of them ends.
    pub(super) fn half_close(&self, waker: &Waker) -> bool {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
        // Set before the counter is read, because a `BusyGuard` changes the counter before it reads this flag.
        if !self.half_closed.swap(true, Ordering::SeqCst) {
            self.ended.notify_waiters();
        }
        self.is_busy()
    }

    /// Returns whether the client has closed its sending side.
    pub(super) fn is_half_closed(&self) -> bool {
        self.half_closed.load(Ordering::SeqCst)
    }

    /// Completes when the client has closed its sending side.
    pub(super) async fn half_closed(&self) {
        // In this order: otherwise, the client could close its side between the two.
        let notified = self.ended.notified();
        if !self.is_half_closed() {
            notified.await;
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

/// A guard that keeps a connection busy, for a view, a body or a chunk of a response.
pub(super) struct BusyGuard {
    state: Arc<ConnectionState>,
    /// The stream that it belongs to, on HTTP/2.
    stream: Option<Arc<Stream>>,
}

impl BusyGuard {
    fn new(state: Arc<ConnectionState>, stream: Option<Arc<Stream>>) -> Self {
        state.busy.fetch_add(1, Ordering::SeqCst);
        BusyGuard { state, stream }
    }

    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    pub(super) fn stream(&self) -> Option<&Arc<Stream>> {
        self.stream.as_ref()
    }

    /// Counts response data that is passed to hyper.
    pub(super) fn add_queued(&self, bytes: usize) {
        self.state.progress.add_queued(bytes);
        if let Some(stream) = &self.stream {
            stream.add_queued(bytes);
        }
    }

    /// Counts response data that the system has accepted.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.state.progress.add_sent(bytes);
        if let Some(stream) = &self.stream {
            stream.add_sent(bytes);
        }
    }

    /// Counts response data that was discarded.
    pub(super) fn discard(&self, bytes: usize) {
        self.state.progress.discard(bytes);
        if let Some(stream) = &self.stream {
            stream.discard(bytes);
        }
    }
}

impl Clone for BusyGuard {
    fn clone(&self) -> Self {
        BusyGuard::new(self.state.clone(), self.stream.clone())
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.state.busy.fetch_sub(1, Ordering::SeqCst);
        if self.state.is_half_closed() {
            self.state.wake();
        }
    }
}
