//! How fast a client takes what it asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The least that a client has to send of a request, and to take of a response, in bytes a second.
const MIN_RATE: usize = 1024;

/// The bytes that have to move within any `window`.
pub(super) fn quota(window: Duration) -> usize {
    usize::try_from(window.as_secs()).unwrap_or(usize::MAX).saturating_mul(MIN_RATE)
}

/// Bytes of responses: those handed to hyper, and those of them that the system has taken.
#[derive(Default)]
pub(super) struct Progress {
    given: AtomicUsize,
    taken: AtomicUsize,
}

impl Progress {
    pub(super) fn give(&self, bytes: usize) {
        self.given.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that were given, and thrown away then.
    pub(super) fn throw_away(&self, bytes: usize) {
        self.given.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// The bytes that wait for the client to take some.
    pub(super) fn waiting(&self) -> usize {
        let taken = self.taken();
        self.given.load(Ordering::Relaxed).wrapping_sub(taken)
    }
}

/// The looks at a `Progress` within its current window.
#[derive(Default)]
pub(super) struct Pace {
    /// The bytes taken at the begin of the window.
    begin: usize,
    looks: u32,
}

impl Pace {
    /// Looks once more, and returns how many looks in a row have found data waiting of which less than `quota` was taken.
    pub(super) fn look(&mut self, progress: &Progress, quota: usize) -> u32 {
        let taken = progress.taken();
        if progress.waiting() == 0 || taken.wrapping_sub(self.begin) >= quota {
            *self = Pace { begin: taken, looks: 0 };
        } else {
            self.looks += 1;
        }
        self.looks
    }
}
