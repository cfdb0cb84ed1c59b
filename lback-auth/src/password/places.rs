//! How many passwords are hashed at the same time, and how many wait for it.

use std::sync::{Condvar, Mutex, PoisonError};

/// What waits for one processor: about a second's work.
const WAITING_FOR_EACH: usize = 16;

/// So many places; who finds none waits, unless too many do already. Each hash has a processor of its own, and the memory is
/// bounded.
pub(super) struct Places {
    state: Mutex<State>,
    freed: Condvar,
    most_waiting: usize,
}

struct State {
    free: usize,
    waiting: usize,
}

impl Places {
    /// As many as there are processors. No more threads than `most` hash or wait.
    pub(super) fn of_machine(most: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(most.div_ceil(2).max(1));
        Self::new(processors, processors.saturating_mul(WAITING_FOR_EACH).min(most.saturating_sub(processors)))
    }

    pub(super) fn new(free: usize, most_waiting: usize) -> Self {
        Places { state: Mutex::new(State { free, waiting: 0 }), freed: Condvar::new(), most_waiting }
    }

    /// Is there no place, and none to wait for one either?
    pub(super) fn are_full(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.free == 0 && state.waiting >= self.most_waiting
    }

    /// A place, until it is dropped. `None` where too many wait for one.
    pub(super) fn take(&self) -> Option<Place<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.free == 0 && state.waiting >= self.most_waiting {
            return None;
        }
        state.waiting += 1;
        let mut state = self.freed.wait_while(state, |state| state.free == 0).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.free -= 1;
        Some(Place(self))
    }
}

pub(super) struct Place<'a>(&'a Places);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).free += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn some_wait_for_a_place_and_the_others_are_refused() {
        let places = Places::new(1, 2);
        let place = places.take().unwrap();
        std::thread::scope(|scope| {
            let waiting = [(), ()].map(|()| scope.spawn(|| places.take().is_some()));
            while !places.are_full() {
                std::thread::yield_now();
            }
            assert!(places.take().is_none());
            drop(place);
            for waiting in waiting {
                assert!(waiting.join().unwrap());
            }
        });
        assert!(!places.are_full() && places.take().is_some());
    }
}
