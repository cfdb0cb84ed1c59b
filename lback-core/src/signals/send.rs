//! Sends signals.

use std::cell::Cell;
use std::sync::Arc;

use super::{AnySignal, Signal};
use crate::application::Application;
use crate::profile::Sent;

/// Maximum nesting of signals that listeners send. Without a limit, two listeners that trigger each other would overflow the stack
/// and end the program.
const MAX_DEPTH: u32 = 16;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

impl Application {
    /// Sends `signal` to its listeners. Those that run in place are called before this returns, in the order of their registration.
    ///
    /// In a view, this sends the signal immediately, even if the request fails later. `req.signal(…)` waits for the commit.
    pub fn send<T: Signal>(self: &Arc<Self>, signal: T) {
        self.send_with(|| signal);
    }

    /// Like [`send`](Self::send), for a signal that is expensive to create: `make` is called only if there is a listener.
    pub fn send_with<T: Signal>(self: &Arc<Self>, make: impl FnOnce() -> T) {
        if self.wants::<T>() {
            self.deliver::<T>(&AnySignal::new(make()));
        }
    }

    /// Returns whether there is a listener for signals of this type.
    pub fn wants<T: Signal>(&self) -> bool {
        self.listeners().of::<T>().next().is_some()
    }

    fn deliver<T: Signal>(self: &Arc<Self>, signal: &AnySignal) {
        let depth = DEPTH.get();
        if depth == MAX_DEPTH {
            tracing::error!(target: "lback::signals", signal = T::NAME, "not sent: {MAX_DEPTH} listeners have triggered each other");
            return;
        }
        DEPTH.set(depth + 1);
        let timed = Sent::begin();
        // Panics of listeners are caught, so the depth is always reset.
        self.listeners().of::<T>().for_each(|listener| listener.deliver(signal, self));
        if let Some(timed) = timed {
            timed.end(T::NAME, self.listeners().of::<T>().count());
        }
        DEPTH.set(depth);
    }
}
