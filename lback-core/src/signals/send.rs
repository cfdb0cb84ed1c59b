//! Sending.

use std::cell::Cell;
use std::sync::Arc;

use super::{AnySignal, Signal};
use crate::application::Application;

/// How deep listeners may send what makes listeners send. Without a bound, two that answer each other would overflow the
/// stack, and end the program.
const DEEPEST: u32 = 16;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

impl Application {
    /// Tells `signal` to those who listen to it: the listeners that run in place before this returns, in the order of
    /// their registration.
    ///
    /// In a view this is at once, whatever becomes of the request; `req.signal(…)` waits for the commit.
    pub fn send<T: Signal>(self: &Arc<Self>, signal: T) {
        self.send_with(|| signal);
    }

    /// As [`send`](Self::send), where the signal costs something to make: `make` runs only if somebody listens.
    pub fn send_with<T: Signal>(self: &Arc<Self>, make: impl FnOnce() -> T) {
        if self.wants::<T>() {
            self.deliver::<T>(&AnySignal::new(make()));
        }
    }

    /// Does anybody listen to signals of this type?
    pub fn wants<T: Signal>(&self) -> bool {
        self.listeners().of::<T>().next().is_some()
    }

    fn deliver<T: Signal>(self: &Arc<Self>, signal: &AnySignal) {
        let depth = DEPTH.get();
        if depth == DEEPEST {
            tracing::error!(target: "lback::signals", signal = T::NAME, "not sent: {DEEPEST} listeners have sent what each other listens to");
            return;
        }
        DEPTH.set(depth + 1);
        // A listener's panic ends there, so this is always set back.
        self.listeners().of::<T>().for_each(|listener| listener.deliver(signal, self));
        DEPTH.set(depth);
    }
}
