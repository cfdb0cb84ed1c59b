//! Wakes many requests at once.

use tokio::runtime::Handle;

/// Runs `wake`, which wakes `count` requests, on their runtime. From another thread, each request would wake a worker that answers it
/// and sleeps again before the next one is woken: two context switches per request.
pub(crate) fn all(count: usize, runtime: Option<Handle>, wake: impl FnOnce() + Send + 'static) {
    match runtime {
        Some(runtime) if count > 1 => drop(runtime.spawn(async { wake() })),
        _ => wake(),
    }
}
