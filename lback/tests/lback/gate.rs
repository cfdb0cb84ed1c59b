//! A place where a view waits until the test lets it go on.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// After this a test that went wrong ends, instead of hanging.
const LIMIT: Duration = Duration::from_secs(30);

/// A view calls [`pass`](Gate::pass), the test [`reached`](Gate::reached) and [`open`](Gate::open).
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// Waits until the gate is open.
    pub fn pass(&self) {
        self.change(|state| state.arrived += 1);
        self.wait(|state| state.open);
    }

    /// Waits until somebody stands before the gate.
    pub fn reached(&self) {
        self.reached_by(1);
    }

    /// Waits until so many have come to the gate.
    pub fn reached_by(&self, count: usize) {
        self.wait(|state| state.arrived >= count);
    }

    /// Lets everybody go on, from now on.
    pub fn open(&self) {
        self.change(|state| state.open = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    fn wait(&self, ready: impl Fn(&State) -> bool) {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(state, LIMIT, |state| !ready(state)).unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.1.timed_out(), "nobody came, or nobody opened the gate");
    }
}
