//! Where passwords are hashed: on threads that do nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

type Work = Box<dyn FnOnce() + Send>;

/// As many threads as the machine has processors; who finds none free waits. So each hash has a processor of its own, and the
/// memory is bounded: an allocator keeps the megabytes of a hash for the thread that has used them.
pub(super) struct Places {
    count: usize,
    /// To those of the threads that could be started, at the first hash.
    queue: OnceLock<Option<Sender<Work>>>,
}

impl Places {
    pub(super) fn of_machine() -> Self {
        Places { count: thread::available_parallelism().map_or(1, std::num::NonZero::get), queue: OnceLock::new() }
    }

    /// Does the work there, and waits for it.
    pub(super) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let Some(queue) = self.queue.get_or_init(|| start(self.count)) else { return work() };
        let (done, result) = channel();
        let sent = queue.send(Box::new(move || drop(done.send(catch_unwind(AssertUnwindSafe(work))))));
        match sent.ok().and_then(|()| result.recv().ok()) {
            Some(Ok(value)) => value,
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("the threads that hash live as long as the queue, and answer"),
        }
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
                    work()
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
