//! Tells a crowd of requests that what they waited for is there.

use tokio::runtime::Handle;

/// Runs `tell`, which wakes `crowd` requests, on their runtime. From another thread each of them would wake a worker that
/// answers it and is asleep again before the next is told: two switches between threads for every request.
pub(crate) fn all(crowd: usize, runtime: Option<Handle>, tell: impl FnOnce() + Send + 'static) {
    match runtime {
        Some(runtime) if crowd > 1 => drop(runtime.spawn(async { tell() })),
        _ => tell(),
    }
}
