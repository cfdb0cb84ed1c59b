//! The streams of an HTTP/2 connection: limits on concurrent work, and detection of stalled responses.

use std::future::Future;
use std::io;
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{COOKIE, HeaderMap, HeaderValue};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::transfer_rate::{Progress, RateWindow};
use crate::Body;
use crate::error::BoxError;

/// Maximum number of concurrent requests on a connection. A request that the client has reset still counts until its view has
/// ended, so that opening and resetting streams costs the client as much as the server.
pub(super) const MAX_STREAMS: u32 = 128;

/// Initial number of views that a connection may run at the same time. Each response that the client has received allows one
/// more, up to `MAX_STREAMS`.
const INITIAL_VIEWS: usize = 6;

/// A request that has waited this long for a permit starts anyway if its client reads its responses: the views before it may be
/// waiting for something slow.
const MAX_PERMIT_WAIT: Duration = Duration::from_millis(250);

/// Maximum number of unread response bytes: above it, a client's further requests wait.
const MAX_UNREAD: usize = 256 * 1024;

/// The weight of a streamed body: a chunk of a file, and the open file.
const STREAM_WEIGHT: usize = 128 * 1024;

/// A response of which the client reads this many bytes between two checks does not count as unread.
const MIN_PROGRESS: usize = 4 * 1024;

/// Maximum number of header fields of a request, as on HTTP/1.
const MAX_HEADER_FIELDS: usize = 100;

/// Maximum size of the headers of all unanswered requests on a connection, in bytes. A client can repeat a field in one byte. A
/// browser that requests a hundred images at once may send long cookies with each request.
const MAX_HEADERS: usize = 2 * 1024 * 1024;

/// The same while all connections together exceed `HIGH_TOTAL_HEADERS`.
const MAX_HEADERS_UNDER_LOAD: usize = 256 * 1024;
const HIGH_TOTAL_HEADERS: usize = 64 * 1024 * 1024;

/// Memory that a field takes in addition to its text, in bytes.
const FIELD_WEIGHT: usize = 128;

/// The state that all streams of a connection share.
pub(super) struct Streams {
    live: Mutex<Vec<Weak<Stream>>>,
    /// The stream that hyper is about to start a task for.
    starting: Mutex<Weak<Stream>>,
    /// Permits to run a view, and their total number.
    permits: Arc<Semaphore>,
    permit_count: AtomicUsize,
    /// Bytes of responses that the client does not read.
    unread: AtomicUsize,
    capacity: Notify,
    /// Bytes of the headers of unanswered requests, on this connection and on all connections.
    headers: AtomicUsize,
    shared_headers: Arc<AtomicUsize>,
}

impl Streams {
    pub(super) fn new(shared_headers: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Streams {
            live: Mutex::default(),
            starting: Mutex::default(),
            permits: Arc::new(Semaphore::new(INITIAL_VIEWS)),
            permit_count: AtomicUsize::new(INITIAL_VIEWS),
            unread: AtomicUsize::new(0),
            capacity: Notify::new(),
            headers: AtomicUsize::new(0),
            shared_headers,
        })
    }

    /// Creates a stream. The next task that hyper starts belongs to it.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            streams: self.clone(),
            progress: Progress::default(),
            rate: Mutex::default(),
            task: OnceLock::new(),
            waker: Mutex::default(),
            is_reset: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            weight: AtomicUsize::new(0),
            counted: AtomicUsize::new(0),
            sent_at_check: AtomicUsize::new(0),
            headers: AtomicUsize::new(0),
        });
        *lock(&self.starting) = Arc::downgrade(&stream);
        let mut live = lock(&self.live);
        if live.len() >= 2 * MAX_STREAMS as usize {
            live.retain(|stream| stream.strong_count() > 0);
        }
        live.push(Arc::downgrade(&stream));
        stream
    }

    /// Waits until a request may be answered: until the client does not have too many others in progress, and reads the
    /// responses that it has requested.
    pub(super) async fn view_permit(&self) -> Option<OwnedSemaphorePermit> {
        let view_permit = loop {
            match timeout(MAX_PERMIT_WAIT, self.permits.clone().acquire_owned()).await {
                Ok(view_permit) => break view_permit.ok(),
                Err(_) if self.unread.load(Ordering::Relaxed) == 0 => self.add_view_permit(),
                Err(_) => {}
            }
        };
        loop {
            let mut capacity = pin!(self.capacity.notified());
            capacity.as_mut().enable();
            if self.unread.load(Ordering::Relaxed) < MAX_UNREAD {
                return view_permit;
            }
            capacity.await;
        }
    }

    /// Allows one more view to run at the same time.
    fn add_view_permit(&self) {
        let more = |count| (count < MAX_STREAMS as usize).then_some(count + 1);
        if self.permit_count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
            self.permits.add_permits(1);
        }
    }

    /// Checks every stream, and resets those that have sent less than `quota` for more than `max_checks` checks. If one of them
    /// cannot be reset, resets none and returns `true`.
    pub(super) fn check(&self, quota: usize, max_checks: u32) -> bool {
        let live: Vec<_> = lock(&self.live).iter().filter_map(Weak::upgrade).collect();
        let stalled: Vec<_> = live.into_iter().filter(|stream| stream.check(quota) > max_checks).collect();
        let is_stuck = stalled.iter().any(|stream| stream.is_buffered_by_http2());
        if !is_stuck {
            stalled.iter().for_each(|stream| stream.reset());
        }
        is_stuck
    }
}

/// Starts hyper's tasks, and tells each stream which task is its own.
#[derive(Clone)]
pub(super) struct StreamExecutor(pub(super) Arc<Streams>);

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        let task = tokio::spawn(future);
        if let Some(stream) = mem::take(&mut *lock(&self.0.starting)).upgrade() {
            let _ = stream.task.set(task.abort_handle());
        }
    }
}

/// A stream, from its request until the last byte of its response has been sent.
pub(super) struct Stream {
    streams: Arc<Streams>,
    progress: Progress,
    rate: Mutex<RateWindow>,
    /// hyper's task, which produces the response and passes it to HTTP/2.
    task: OnceLock<AbortHandle>,
    /// The waker of that task, while it waits for the last chunk to be sent.
    waker: Mutex<Option<Waker>>,
    is_reset: AtomicBool,
    /// Whether there is a response.
    is_answered: AtomicBool,
    /// Whether the response does not come from a view, or a part of it was discarded.
    is_broken: AtomicBool,
    /// The weight of the response in `Streams::unread`, and the part of it that is counted there now.
    weight: AtomicUsize,
    counted: AtomicUsize,
    /// The number of bytes sent at the last check.
    sent_at_check: AtomicUsize,
    /// This request's part of `Streams::headers`.
    headers: AtomicUsize,
}

impl Stream {
    /// Reserves memory for the headers of the request until it is answered.
    ///
    /// # Errors
    /// Returns 431 if there are too many fields, and 503 if the headers of other requests have used up the limit.
    pub(super) fn reserve_headers(&self, headers: &mut HeaderMap) -> Result<(), StatusCode> {
        if headers.len() > MAX_HEADER_FIELDS {
            join_cookies(headers);
        }
        if headers.len() > MAX_HEADER_FIELDS {
            return Err(self.reject(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
        let weights = headers.iter().map(|(name, value)| FIELD_WEIGHT + name.as_str().len() + value.len());
        let weight: usize = weights.sum();
        // A single request may use as much as MAX_HEADER_BYTES permits.
        let is_loaded = self.streams.shared_headers.load(Ordering::Relaxed) > HIGH_TOTAL_HEADERS;
        let limit = if is_loaded { MAX_HEADERS_UNDER_LOAD } else { MAX_HEADERS };
        let fits = |taken: usize| taken.checked_add(weight).filter(|sum| taken == 0 || *sum <= limit);
        match self.streams.headers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.headers.store(weight, Ordering::Relaxed);
                self.streams.shared_headers.fetch_add(weight, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => Err(self.reject(StatusCode::SERVICE_UNAVAILABLE)),
        }
    }

    /// Records that the response does not come from a view, so that it does not allow another view to run.
    fn reject(&self, status: StatusCode) -> StatusCode {
        self.is_broken.store(true, Ordering::Relaxed);
        status
    }

    /// Releases the memory for the headers.
    fn release_headers(&self) {
        let weight = self.headers.swap(0, Ordering::Relaxed);
        self.streams.headers.fetch_sub(weight, Ordering::Relaxed);
        self.streams.shared_headers.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Records the body of the response.
    pub(super) fn begin_response(&self, body: &Body) {
        self.release_headers();
        self.is_answered.store(true, Ordering::Relaxed);
        match body.as_bytes() {
            Some(bytes) => {
                self.weight.store(bytes.len(), Ordering::Relaxed);
                self.set_unread(bytes.len());
            }
            // Not counted while it waits for data to send.
            None => self.weight.store(STREAM_WEIGHT, Ordering::Relaxed),
        }
    }

    pub(super) fn add_queued(&self, bytes: usize) {
        self.progress.add_queued(bytes);
        if self.sent_since_check() < MIN_PROGRESS {
            self.set_unread(self.weight.load(Ordering::Relaxed));
        }
    }

    pub(super) fn add_sent(&self, bytes: usize) {
        self.progress.add_sent(bytes);
        let is_all = self.progress.pending() == 0;
        if is_all || self.sent_since_check() >= MIN_PROGRESS {
            self.set_unread(0);
        }
        if is_all && let Some(waker) = lock(&self.waker).take() {
            waker.wake();
        }
    }

    /// Records that a part of the response was discarded.
    pub(super) fn discard(&self, bytes: usize) {
        self.is_broken.store(true, Ordering::Relaxed);
        self.progress.discard(bytes);
    }

    /// Ready when all queued data has been sent.
    ///
    /// # Errors
    /// Returns an error once the stream has been reset.
    pub(super) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.progress.pending() > 0 {
            *lock(&self.waker) = Some(cx.waker().clone());
        }
        if self.is_reset.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        }
        if self.progress.pending() > 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn sent_since_check(&self) -> usize {
        self.progress.sent().wrapping_sub(self.sent_at_check.load(Ordering::Relaxed))
    }

    /// Counts `weight` bytes of this response as unread.
    fn set_unread(&self, weight: usize) {
        let before = self.counted.swap(weight, Ordering::Relaxed);
        if before == weight {
            return;
        }
        self.streams.unread.fetch_add(weight, Ordering::Relaxed);
        self.streams.unread.fetch_sub(before, Ordering::Relaxed);
        if weight < before {
            self.streams.capacity.notify_waiters();
        }
    }

    fn check(&self, quota: usize) -> u32 {
        if self.progress.pending() > 0 && self.sent_since_check() < MIN_PROGRESS {
            self.set_unread(self.weight.load(Ordering::Relaxed));
        }
        self.sent_at_check.store(self.progress.sent(), Ordering::Relaxed);
        lock(&self.rate).check(&self.progress, quota)
    }

    /// Returns whether HTTP/2 already holds all remaining data, so that the stream cannot be reset.
    fn is_buffered_by_http2(&self) -> bool {
        lock(&self.waker).is_none() && self.task.get().is_none_or(AbortHandle::is_finished)
    }

    /// Resets the stream.
    fn reset(&self) {
        tracing::debug!("stream reset: its client does not read the response");
        self.is_reset.store(true, Ordering::SeqCst);
        if let Some(waker) = lock(&self.waker).take() {
            // The body fails, and hyper discards what HTTP/2 still holds.
            waker.wake();
        } else if let Some(task) = self.task.get() {
            // hyper holds the chunk and waits for the client to make room for it.
            task.abort();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.set_unread(0);
        self.release_headers();
        let was_sent = *self.weight.get_mut() == 0 || self.progress.sent() > 0;
        if *self.is_answered.get_mut() && !*self.is_broken.get_mut() && was_sent {
            self.streams.add_view_permit();
        }
    }
}

/// Joins the cookies, which HTTP/2 may send in a field each, into one field (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let Ok(cookies) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) else { return };
    // A new map: the old one would keep its large allocation.
    let mut joined = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE).take(MAX_HEADER_FIELDS + 1) {
        joined.append(name, value.clone());
    }
    if !cookies.is_empty() {
        joined.insert(COOKIE, cookies);
    }
    *headers = joined;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
