//! The limits on what the streams of a process use together.

use std::ops::Deref;
use std::sync::Arc;

use lback_core::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum memory of the HTML that streams keep for the next difference, in bytes.
const KEPT_BYTES: usize = 64 << 20;

/// The limits on the re-renders and the memory of this process. Cheap to clone.
#[derive(Clone)]
pub(super) struct Limits {
    renders: Arc<Semaphore>,
    kept_bytes: Arc<Semaphore>,
}

impl Limits {
    /// Returns limits with this number of re-renders at the same time, so that other requests are not held up by them.
    pub(super) fn new(renders: usize) -> Self {
        Limits { renders: Arc::new(Semaphore::new(renders)), kept_bytes: Arc::new(Semaphore::new(KEPT_BYTES)) }
    }

    /// Waits until a page may be rendered.
    pub(super) async fn render(&self) -> Result<OwnedSemaphorePermit> {
        self.renders.clone().acquire_owned().await.map_err(|_| Error::unavailable("the server is stopping"))
    }

    /// Keeps `html`, or returns `None` if streams keep too much already.
    pub(super) fn keep(&self, html: String) -> Option<Kept> {
        let bytes = u32::try_from(html.len()).ok()?;
        let bytes = self.kept_bytes.clone().try_acquire_many_owned(bytes).ok()?;
        Some(Kept { html, _bytes: bytes })
    }
}

/// HTML that a stream keeps.
pub(super) struct Kept {
    html: String,
    _bytes: OwnedSemaphorePermit,
}

impl Deref for Kept {
    type Target = str;

    fn deref(&self) -> &str {
        &self.html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_all_streams_is_limited() {
        let limits = Limits::new(1);
        let half = || "x".repeat(KEPT_BYTES / 2);
        let (one, two) = (limits.keep(half()), limits.keep(half()));
        assert!(one.is_some() && two.is_some());
        assert!(limits.keep("y".to_owned()).is_none());
        drop(one);
        assert_eq!(limits.keep("y".to_owned()).as_deref(), Some("y"));
    }
}
