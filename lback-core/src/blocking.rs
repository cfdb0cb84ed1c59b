//! Runs work that blocks without holding up the connections that the current thread serves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::profile::Profile;
pub use crate::view_threads::about_to_wait;
use crate::{Error, Result, panics};

/// Runs `work`, which may block, on the current thread. If that thread serves connections, they move to another thread first.
///
/// ```
/// let answer = lback_core::blocking::in_place(|| 6 * 7);
/// assert_eq!(answer, 42);
/// ```
pub fn in_place<T>(work: impl FnOnce() -> T) -> T {
    about_to_wait();
    match runtime() {
        Some(_) => tokio::task::block_in_place(work),
        None => work(),
    }
}

/// Runs `work`, which may block, on a thread that serves no connections, and waits for it without blocking.
///
/// # Errors
/// Returns 500 if `work` panics, and 503 if the server stops before `work` begins.
pub async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    // Caught on that thread, which knows the location of the panic.
    let profile = Profile::current();
    let guarded = || Profile::within(profile, || catch_unwind(AssertUnwindSafe(work)).map_err(panics::error));
    let joined = tokio::task::spawn_blocking(guarded).await;
    joined.map_err(|error| Error::unavailable("the server is stopping").with_source(error))?
}

/// Returns the runtime of the current thread if it has other threads to serve connections while this one blocks.
pub fn runtime() -> Option<Handle> {
    Handle::try_current().ok().filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}
