//! Where passwords are hashed: on threads that do nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

/// What waits for one processor: a few seconds' work.
const WAITING_FOR_EACH: usize = 64;

type Work = Box<dyn FnOnce() + Send>;

/// As many threads as the machine has processors; who finds none free waits, unless too many do already. So each hash has a
/// processor of its own, and the memory is bounded: an allocator keeps the megabytes of a hash for the thread that has used them.
pub(super) struct Places {
    threads: usize,
    /// No more hash or wait.
    most: usize,
    taken: AtomicUsize,
    /// To those of the threads that could be started, at the first hash.
    queue: OnceLock<Option<Sender<Work>>>,
}

impl Places {
    /// As many as there are processors. No more than `most` requests hash or wait.
    pub(super) fn of_machine(most: usize) -> Self {
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(most.div_ceil(2).max(1));
        Self::new(threads, threads.saturating_mul(1 + WAITING_FOR_EACH).min(most.max(1)))
    }

    pub(super) fn new(threads: usize, most: usize) -> Self {
        Places { threads, most, taken: AtomicUsize::new(0), queue: OnceLock::new() }
    }

    /// Is there no place, and none to wait for one either?
    pub(super) fn are_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.most
    }

    /// Does the work there, and waits for it. `None` where too many wait.
    pub(super) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _place = self.take()?;
        let Some(queue) = self.queue.get_or_init(|| start(self.threads)) else { return Some(work()) };
        let (done, result) = channel();
        let sent = queue.send(Box::new(move || drop(done.send(catch_unwind(AssertUnwindSafe(work))))));
        match sent.ok().and_then(|()| result.recv().ok()) {
            Some(Ok(value)) => Some(value),
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("the threads that hash live as long as the queue, and answer"),
        }
    }

    fn take(&self) -> Option<Place<'_>> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        // Given back where it was one too many.
        let place = Place(self);
        (taken < self.most).then_some(place)
    }
}

struct Place<'a>(&'a Places);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// They end when the queue is dropped. `None` where the system gives not even one.
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

    use super::Places;

    #[test]
    fn some_wait_for_a_place_and_the_others_are_refused() {
        let places = Places::new(1, 3);
        std::thread::scope(|scope| {
            let gates = [(), (), ()].map(|()| {
                let (open, gate) = channel::<()>();
                let places = &places;
                let done = scope.spawn(move || places.run(move || gate.recv().is_ok()));
                (open, done)
            });
            while !places.are_full() {
                std::thread::yield_now();
            }
            assert_eq!(places.run(|| true), None);
            for (open, _) in &gates {
                open.send(()).unwrap();
            }
            for (_, done) in gates {
                assert_eq!(done.join().unwrap(), Some(true));
            }
        });
        assert!(!places.are_full());
        assert_eq!(places.run(|| 7), Some(7));
    }
}
