//! The order in which threads wait for a connection.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::unconstrained;

/// A lock that threads get in the order in which they ask for it. r2d2 gives a connection to the first that asks when it becomes
/// free, so under load some would wait for seconds.
#[derive(Debug)]
pub(crate) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Turns(Semaphore::new(1))
    }
}

impl Turns {
    /// Returns whether no thread has or awaits its turn.
    pub(crate) fn is_free(&self) -> bool {
        self.0.available_permits() > 0
    }

    /// Blocks until it is this thread's turn. Returns `None` if that takes longer than until `deadline`.
    pub(crate) fn wait(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        block_until(deadline, unconstrained(self.0.acquire()))?.ok()
    }
}

fn block_until<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(value);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
