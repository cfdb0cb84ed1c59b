//! The threads on which passwords are hashed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

/// The maximum number of waiting callers per processor: a few seconds' work.
const WAITING_PER_THREAD: usize = 64;

type Work = Box<dyn FnOnce() + Send>;

/// As many threads as the machine has processors, with a bounded queue. Each hash has a processor of its own, and the memory is bounded: an
/// allocator keeps the megabytes of a hash for the thread that has used them.
pub(super) struct HashingThreads {
    threads: usize,
    /// The maximum number of callers that hash or wait.
    limit: usize,
    in_use: AtomicUsize,
    /// The queue of the threads, which are started at the first hash; `None` if none could be started.
    queue: OnceLock<Option<Sender<Work>>>,
}

impl HashingThreads {
    /// Uses as many threads as there are processors, for at most `limit` callers.
    pub(super) fn of_machine(limit: usize) -> Self {
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(limit.div_ceil(2).max(1));
        Self::new(threads, threads.saturating_mul(1 + WAITING_PER_THREAD).min(limit.max(1)))
    }

    pub(super) fn new(threads: usize, limit: usize) -> Self {
        HashingThreads { threads, limit, in_use: AtomicUsize::new(0), queue: OnceLock::new() }
    }

    /// Returns whether another caller would be refused.
    pub(super) fn is_full(&self) -> bool {
        self.in_use.load(Ordering::Relaxed) >= self.limit
    }

    /// Runs `work` on one of the threads and waits for its result. Returns `None` if too many callers wait.
    pub(super) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _permit = self.acquire()?;
        let Some(queue) = self.queue.get_or_init(|| start(self.threads)) else { return Some(work()) };
        let (done, result) = channel();
        let sent = queue.send(Box::new(move || drop(done.send(catch_unwind(AssertUnwindSafe(work))))));
        match sent.ok().and_then(|()| result.recv().ok()) {
            Some(Ok(value)) => Some(value),
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("the threads live as long as the queue and answer every caller"),
        }
    }

    fn acquire(&self) -> Option<Permit<'_>> {
        let in_use = self.in_use.fetch_add(1, Ordering::Relaxed);
        // Released again if it is above the limit.
        let permit = Permit(self);
        (in_use < self.limit).then_some(permit)
    }
}

struct Permit<'a>(&'a HashingThreads);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts the threads, which end when the queue is dropped. Returns `None` if not even one can be started.
fn start(count: usize) -> Option<Sender<Work>> {
    let (queue, work) = channel();
    let work = Arc::new(Mutex::new(work));
    let spawn = |_| {
        let work = work.clone();
        thread::Builder::new()
            .name("lback-hash".to_owned())
            .spawn(move || {
                while let Some(work) = next(&work) {
                    work();
                }
            })
            .ok()
    };
    (0..count).filter_map(spawn).count().checked_sub(1)?;
    Some(queue)
}

fn next(work: &Mutex<Receiver<Work>>) -> Option<Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::HashingThreads;

    #[test]
    fn callers_above_the_limit_are_refused() {
        let threads = HashingThreads::new(1, 3);
        std::thread::scope(|scope| {
            let gates = [(), (), ()].map(|()| {
                let (open, gate) = channel::<()>();
                let threads = &threads;
                let done = scope.spawn(move || threads.run(move || gate.recv().is_ok()));
                (open, done)
            });
            while !threads.is_full() {
                std::thread::yield_now();
            }
            assert_eq!(threads.run(|| true), None);
            for (open, _) in &gates {
                open.send(()).unwrap();
            }
            for (_, done) in gates {
                assert_eq!(done.join().unwrap(), Some(true));
            }
        });
        assert!(!threads.is_full());
        assert_eq!(threads.run(|| 7), Some(7));
    }
}
