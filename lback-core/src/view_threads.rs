//! The threads on which plain views run.
//!
//! Waking a thread costs more than many views do. So as many threads are woken for views as the server has worker threads, and each
//! runs one view after the other. Another thread is woken only if one of them waits: if it says so ([`about_to_wait`]), or if its
//! view has run for [`STALL`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::profile::Profile;
use crate::{Error, Result};

/// How long a view may run before another thread is woken for the views that wait for one.
const STALL: Duration = Duration::from_millis(1);

/// How long a thread without work is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

thread_local! {
    /// The threads that the current one belongs to.
    static CURRENT: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// The threads of an application. They end when it is dropped.
pub(crate) struct ViewThreads {
    /// Each view holds one while it runs.
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    max_threads: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// The threads without work. The one that had some last is woken first.
    idle: Vec<Thread>,
    busy: Vec<Busy>,
    threads: usize,
    /// The number of threads that are busy and do not wait, or have been woken.
    active: usize,
    is_watched: bool,
    is_closed: bool,
}

struct Job {
    runtime: Handle,
    work: Box<dyn FnOnce() + Send>,
}

struct Busy {
    thread: ThreadId,
    since: Instant,
    waits: bool,
}

/// Announces that the current thread will wait for a lock, a disk or a network. If it runs a plain view, another thread is woken for the
/// views that wait for one. Otherwise that happens once the view has taken a millisecond.
///
/// ```
/// lback_core::blocking::about_to_wait();
/// std::thread::sleep(std::time::Duration::from_millis(20));
/// ```
pub fn about_to_wait() {
    let shared = CURRENT.with_borrow(Clone::clone);
    if let (Some(shared), Ok(runtime)) = (shared, Handle::try_current()) {
        let mut state = shared.lock();
        let current = thread::current().id();
        if let Some(busy) = state.busy.iter_mut().find(|busy| busy.thread == current && !busy.waits) {
            busy.waits = true;
            state.active -= 1;
            shared.wake(&mut state, &runtime);
        }
    }
}

impl ViewThreads {
    pub(crate) fn new(max: usize) -> Self {
        ViewThreads { permits: Arc::new(Semaphore::new(max)), shared: Arc::new(Shared { state: Mutex::default(), max_threads: max }) }
    }

    /// Waits until another view may run. That occupies no thread.
    pub(crate) async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        self.permits.clone().acquire_owned().await.map_err(stopping)
    }

    /// Runs `work`, which may block, and waits for it without blocking. Work that nobody waits for any more is not begun.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let profile = Profile::current();
        let work = move || {
            if !sender.is_closed() {
                let result = Profile::within(profile, work);
                drop(permit);
                let _ = sender.send(result);
            }
        };
        self.shared.submit(Job { runtime: Handle::current(), work: Box::new(work) });
        receiver.await.map_err(stopping)
    }
}

fn stopping(error: impl Into<crate::error::BoxError>) -> Error {
    Error::unavailable("the server is stopping").with_source(error)
}

impl Drop for ViewThreads {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.idle.drain(..).for_each(|thread| thread.unpark());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(self: &Arc<Self>, job: Job) {
        let runtime = job.runtime.clone();
        let mut state = self.lock();
        state.jobs.push_back(job);
        self.wake(&mut state, &runtime);
    }

    /// Wakes a thread if there is work and too few threads are active.
    fn wake(self: &Arc<Self>, state: &mut State, runtime: &Handle) {
        if state.jobs.is_empty() {
            return;
        }
        let enough = runtime.metrics().num_workers();
        if state.active >= enough {
            state.release_stalled();
        }
        if state.active < enough && self.start(state) {
            state.active += 1;
        } else if !state.is_watched {
            state.is_watched = true;
            runtime.spawn(Watch(self.clone()).run());
        }
    }

    /// Wakes an idle thread, or starts another one. Returns `false` if there can be no more.
    fn start(self: &Arc<Self>, state: &mut State) -> bool {
        if let Some(thread) = state.idle.pop() {
            thread.unpark();
            return true;
        }
        if state.threads == self.max_threads {
            return false;
        }
        let shared = self.clone();
        let started = thread::Builder::new().name("lback-view".to_owned()).spawn(move || shared.run());
        match &started {
            Ok(_) => state.threads += 1,
            // The views wait, and it is tried again.
            Err(error) => tracing::error!(%error, "cannot start a thread for views"),
        }
        started.is_ok()
    }

    fn run(self: Arc<Self>) {
        CURRENT.set(Some(self.clone()));
        let current = thread::current();
        let mut state = self.lock();
        loop {
            let Some(job) = state.jobs.pop_front() else {
                state.active -= 1;
                match self.park(state, &current) {
                    Some(woken) => state = woken,
                    None => return,
                }
                continue;
            };
            state.busy.push(Busy { thread: current.id(), since: Instant::now(), waits: false });
            drop(state);
            // Views catch their panics. What they leave behind may panic when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| job.run()));
            state = self.lock();
            if let Some(at) = state.busy.iter().position(|busy| busy.thread == current.id())
                && state.busy.swap_remove(at).waits
            {
                state.active += 1;
            }
        }
    }

    /// Waits for work. Returns `None` if this thread is to end.
    fn park<'s>(&'s self, mut state: MutexGuard<'s, State>, current: &Thread) -> Option<MutexGuard<'s, State>> {
        state.idle.push(current.clone());
        let end = Instant::now() + KEEP_ALIVE;
        loop {
            let is_late = Instant::now() >= end;
            if is_late || state.is_closed {
                state.idle.retain(|thread| thread.id() != current.id());
                state.threads -= 1;
                return None;
            }
            drop(state);
            thread::park_timeout(end.saturating_duration_since(Instant::now()));
            state = self.lock();
            // A thread that is woken has been removed from the list.
            if !state.is_closed && !state.idle.iter().any(|thread| thread.id() == current.id()) {
                return Some(state);
            }
        }
    }
}

impl State {
    /// Counts views that have run for long as waiting.
    fn release_stalled(&mut self) {
        let now = Instant::now();
        for busy in &mut self.busy {
            if !busy.waits && now.saturating_duration_since(busy.since) >= STALL {
                busy.waits = true;
                self.active -= 1;
            }
        }
    }
}

impl Job {
    fn run(self) {
        let _entered = self.runtime.enter();
        (self.work)();
    }
}

/// Wakes threads while there is work and those at work do not finish.
struct Watch(Arc<Shared>);

impl Watch {
    async fn run(self) {
        let runtime = Handle::current();
        loop {
            tokio::time::sleep(STALL).await;
            let mut state = self.0.lock();
            for _ in 0..state.jobs.len() {
                self.0.wake(&mut state, &runtime);
            }
            if state.jobs.is_empty() {
                state.is_watched = false;
                return;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.lock().is_watched = false;
    }
}
