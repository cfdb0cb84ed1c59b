//! How many passwords are hashed at the same time.

use std::sync::{Condvar, Mutex, PoisonError};

/// So many places; who finds none waits. Each hash has a processor of its own, and the memory is bounded.
pub(super) struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Places {
    pub(super) fn of_machine() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Places { free: Mutex::new(processors), freed: Condvar::new() }
    }

    /// A place, until it is dropped.
    pub(super) fn take(&self) -> Place<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Place(self)
    }
}

pub(super) struct Place<'a>(&'a Places);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
