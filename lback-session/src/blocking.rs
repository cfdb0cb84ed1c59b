//! Waiting for a store from code that is not async.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `future` to its end.
///
/// A store that answers at once (memory, a SQLite read) costs nothing more. For one that must wait, the thread blocks;
/// if it is one that serves connections, these move to another thread first.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return result;
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    on_network(|| {
        loop {
            if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return result;
            }
            thread::park();
        }
    })
}

/// Runs `work`, which waits for a server. If the thread is one that serves connections, these move to another thread
/// first.
pub(crate) fn on_network<T>(work: impl FnOnce() -> T) -> T {
    match runtime() {
        Some(_) => tokio::task::block_in_place(work),
        None => work(),
    }
}

/// The runtime that the caller is on, where one that blocks does not hold up the others.
pub(crate) fn runtime() -> Option<Handle> {
    Handle::try_current().ok().filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
