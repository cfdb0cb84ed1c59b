//! The streams of an HTTP/2 connection: how much of them is in the works, and whether their responses get on.

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

use super::transfer_rate::{Pace, Progress};
use crate::Body;
use crate::error::BoxError;

/// The most requests of one connection that are answered at once. A request that an HTTP/2 client has reset still counts
/// until its view has ended, so that opening and resetting streams costs the client as much as the server.
pub(super) const MAX_STREAMS: u32 = 128;

/// How many views of a connection run at once at first. Each response that its client has taken allows one more, up to
/// `MAX_STREAMS`.
const FIRST_VIEWS: usize = 6;

/// A request that has waited for its turn so long begins all the same if its client takes what it is sent: the views before it
/// may be waiting for something that takes long.
const GRACE: Duration = Duration::from_millis(250);

/// How many bytes of responses a client may leave untaken before its further requests wait.
const ROOM: usize = 256 * 1024;

/// The weight of a body that is made while it is sent: a chunk of a file, and the open file.
const STREAM_WEIGHT: usize = 128 * 1024;

/// A client that takes so much of a response between two looks does not leave it untaken.
const LITTLE: usize = 4 * 1024;

/// The most fields in the headers of a request, as on HTTP/1.
const MAX_FIELDS: usize = 100;

/// How many bytes the headers of all requests of a connection may take until these are answered. A client writes a field that
/// it has sent before in one byte. A browser that asks for a hundred pictures at once may send long cookies with each.
const MOST_HEADERS: usize = 2 * 1024 * 1024;

/// The same while all connections together have more than `SHARED_HEADERS`.
const LEAST_HEADERS: usize = 256 * 1024;
const SHARED_HEADERS: usize = 64 * 1024 * 1024;

/// What a field takes besides its text.
const FIELD_WEIGHT: usize = 128;

/// What the streams of a connection share.
pub(super) struct Streams {
    live: Mutex<Vec<Weak<Stream>>>,
    /// The stream that hyper is about to start a task for.
    begun: Mutex<Weak<Stream>>,
    /// Turns to run a view, and how many there are.
    turns: Arc<Semaphore>,
    turn_count: AtomicUsize,
    /// Bytes of responses whose client takes nothing.
    untaken: AtomicUsize,
    room: Notify,
    /// Bytes of the headers of requests that are not answered, of this connection and of all.
    headers: AtomicUsize,
    shared_headers: Arc<AtomicUsize>,
}

impl Streams {
    pub(super) fn new(shared_headers: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Streams {
            live: Mutex::default(),
            begun: Mutex::default(),
            turns: Arc::new(Semaphore::new(FIRST_VIEWS)),
            turn_count: AtomicUsize::new(FIRST_VIEWS),
            untaken: AtomicUsize::new(0),
            room: Notify::new(),
            headers: AtomicUsize::new(0),
            shared_headers,
        })
    }

    /// A new stream. hyper's next task is its.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            streams: self.clone(),
            progress: Progress::default(),
            pace: Mutex::default(),
            task: OnceLock::new(),
            waker: Mutex::default(),
            is_given_up: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            weight: AtomicUsize::new(0),
            counted: AtomicUsize::new(0),
            seen: AtomicUsize::new(0),
            headers: AtomicUsize::new(0),
        });
        *lock(&self.begun) = Arc::downgrade(&stream);
        let mut live = lock(&self.live);
        if live.len() >= 2 * MAX_STREAMS as usize {
            live.retain(|stream| stream.strong_count() > 0);
        }
        live.push(Arc::downgrade(&stream));
        stream
    }

    /// Waits until a request may be answered: until the client has not too many others in the works, and takes the responses
    /// that it has asked for.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = loop {
            match timeout(GRACE, self.turns.clone().acquire_owned()).await {
                Ok(turn) => break turn.ok(),
                Err(_) if self.untaken.load(Ordering::Relaxed) == 0 => self.add_turn(),
                Err(_) => {}
            }
        };
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            if self.untaken.load(Ordering::Relaxed) < ROOM {
                return turn;
            }
            room.await;
        }
    }

    /// Lets one more view run at once.
    fn add_turn(&self) {
        let more = |count| (count < MAX_STREAMS as usize).then_some(count + 1);
        if self.turn_count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
            self.turns.add_permits(1);
        }
    }

    /// Looks at every stream, and resets those of which less than `quota` was taken for more than `patience` looks. Returns
    /// whether one of them cannot be reset.
    pub(super) fn look(&self, quota: usize, patience: u32) -> bool {
        let live: Vec<_> = lock(&self.live).iter().filter_map(Weak::upgrade).collect();
        let stalled: Vec<_> = live.into_iter().filter(|stream| stream.look(quota) > patience).collect();
        let is_stuck = stalled.iter().any(|stream| stream.is_with_http2());
        if !is_stuck {
            stalled.iter().for_each(|stream| stream.give_up());
        }
        is_stuck
    }
}

/// Starts hyper's tasks, and lets each stream know its own.
#[derive(Clone)]
pub(super) struct Tasks(pub(super) Arc<Streams>);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        let task = tokio::spawn(future);
        if let Some(stream) = mem::take(&mut *lock(&self.0.begun)).upgrade() {
            let _ = stream.task.set(task.abort_handle());
        }
    }
}

/// One stream, from its request until the last byte of its response has left.
pub(super) struct Stream {
    streams: Arc<Streams>,
    progress: Progress,
    pace: Mutex<Pace>,
    /// hyper's task, which makes the response and hands it to HTTP/2.
    task: OnceLock<AbortHandle>,
    /// The same task, while it waits for the last piece to be taken.
    waker: Mutex<Option<Waker>>,
    is_given_up: AtomicBool,
    /// There is a response, and not all of it was sent.
    is_answered: AtomicBool,
    is_broken: AtomicBool,
    /// What the response weighs in `Streams::untaken`, and what of it is counted there now.
    weight: AtomicUsize,
    counted: AtomicUsize,
    /// The bytes taken at the last look.
    seen: AtomicUsize,
    /// What of `Streams::headers` is this request's.
    headers: AtomicUsize,
}

impl Stream {
    /// Makes room for the headers of the request, until it is answered.
    ///
    /// # Errors
    /// Returns 431 if they have too many fields, and 503 if those of other requests have taken the room.
    pub(super) fn take_in(&self, headers: &mut HeaderMap) -> Result<(), StatusCode> {
        if headers.len() > MAX_FIELDS {
            join_cookies(headers);
        }
        if headers.len() > MAX_FIELDS {
            return Err(self.refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
        let weights = headers.iter().map(|(name, value)| FIELD_WEIGHT + name.as_str().len() + value.len());
        let weight: usize = weights.sum();
        // One request alone may have what MAX_HEADER_BYTES permits.
        let are_many = self.streams.shared_headers.load(Ordering::Relaxed) > SHARED_HEADERS;
        let room = if are_many { LEAST_HEADERS } else { MOST_HEADERS };
        let fits = |taken: usize| taken.checked_add(weight).filter(|sum| taken == 0 || *sum <= room);
        match self.streams.headers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.headers.store(weight, Ordering::Relaxed);
                self.streams.shared_headers.fetch_add(weight, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => Err(self.refuse(StatusCode::SERVICE_UNAVAILABLE)),
        }
    }

    /// Notes that the answer comes from no view, so that it allows no more of them to run.
    fn refuse(&self, status: StatusCode) -> StatusCode {
        self.is_broken.store(true, Ordering::Relaxed);
        status
    }

    /// Gives the room for the headers back.
    fn let_go(&self) {
        let weight = self.headers.swap(0, Ordering::Relaxed);
        self.streams.headers.fetch_sub(weight, Ordering::Relaxed);
        self.streams.shared_headers.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Notes the body of the response.
    pub(super) fn answer(&self, body: &Body) {
        self.let_go();
        self.is_answered.store(true, Ordering::Relaxed);
        match body.as_bytes() {
            Some(bytes) => {
                self.weight.store(bytes.len(), Ordering::Relaxed);
                self.count(bytes.len());
            }
            // It weighs nothing while it waits for something to send.
            None => self.weight.store(STREAM_WEIGHT, Ordering::Relaxed),
        }
    }

    pub(super) fn give(&self, bytes: usize) {
        self.progress.give(bytes);
        if self.taken_since_look() < LITTLE {
            self.count(self.weight.load(Ordering::Relaxed));
        }
    }

    pub(super) fn take(&self, bytes: usize) {
        self.progress.take(bytes);
        let is_all = self.progress.waiting() == 0;
        if is_all || self.taken_since_look() >= LITTLE {
            self.count(0);
        }
        if is_all && let Some(waker) = lock(&self.waker).take() {
            waker.wake();
        }
    }

    /// Notes that a part of the response was thrown away.
    pub(super) fn throw_away(&self, bytes: usize) {
        self.is_broken.store(true, Ordering::Relaxed);
        self.progress.throw_away(bytes);
    }

    /// Ready when everything that was given has been taken.
    ///
    /// # Errors
    /// Fails once the stream is given up.
    pub(super) fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.progress.waiting() > 0 {
            *lock(&self.waker) = Some(cx.waker().clone());
        }
        if self.is_given_up.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        }
        if self.progress.waiting() > 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn taken_since_look(&self) -> usize {
        self.progress.taken().wrapping_sub(self.seen.load(Ordering::Relaxed))
    }

    /// Counts so many bytes of this response as untaken.
    fn count(&self, weight: usize) {
        let before = self.counted.swap(weight, Ordering::Relaxed);
        if before == weight {
            return;
        }
        self.streams.untaken.fetch_add(weight, Ordering::Relaxed);
        self.streams.untaken.fetch_sub(before, Ordering::Relaxed);
        if weight < before {
            self.streams.room.notify_waiters();
        }
    }

    fn look(&self, quota: usize) -> u32 {
        if self.progress.waiting() > 0 && self.taken_since_look() < LITTLE {
            self.count(self.weight.load(Ordering::Relaxed));
        }
        self.seen.store(self.progress.taken(), Ordering::Relaxed);
        lock(&self.pace).look(&self.progress, quota)
    }

    /// Returns whether all that is left is with HTTP/2 already, so that the stream cannot be reset.
    fn is_with_http2(&self) -> bool {
        lock(&self.waker).is_none() && self.task.get().is_none_or(AbortHandle::is_finished)
    }

    /// Resets the stream.
    fn give_up(&self) {
        tracing::debug!("stream reset: its client does not take the response");
        self.is_given_up.store(true, Ordering::SeqCst);
        if let Some(waker) = lock(&self.waker).take() {
            // Its body fails, and hyper throws away what HTTP/2 still has.
            waker.wake();
        } else if let Some(task) = self.task.get() {
            // hyper holds the piece, and waits for the client to make room for it.
            task.abort();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.count(0);
        self.let_go();
        let was_sent = *self.weight.get_mut() == 0 || self.progress.taken() > 0;
        if *self.is_answered.get_mut() && !*self.is_broken.get_mut() && was_sent {
            self.streams.add_turn();
        }
    }
}

/// Makes one field of the cookies, each of which HTTP/2 may send in a field of its own (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let Ok(cookies) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) else { return };
    // A map that has been large stays large.
    let mut joined = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE).take(MAX_FIELDS + 1) {
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
