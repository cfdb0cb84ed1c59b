//! Minimum transfer rates of clients.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Minimum rate at which a client must send a request and read a response, in bytes per second.
const MIN_RATE: usize = 1024;

/// Returns the number of bytes that must be transferred within any `window`.
pub(super) fn quota(window: Duration) -> usize {
    usize::try_from(window.as_secs()).unwrap_or(usize::MAX).saturating_mul(MIN_RATE)
}

/// Response bytes: those passed to hyper, and those of them that the system has accepted.
#[derive(Default)]
pub(super) struct Progress {
    queued: AtomicUsize,
    sent: AtomicUsize,
}

impl Progress {
    pub(super) fn add_queued(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Removes bytes that were queued and then discarded.
    pub(super) fn discard(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes that wait for the client to read.
    pub(super) fn pending(&self) -> usize {
        let sent = self.sent();
        self.queued.load(Ordering::Relaxed).wrapping_sub(sent)
    }
}

/// The checks of a `Progress` within its current window.
#[derive(Default)]
pub(super) struct RateWindow {
    /// The number of bytes sent at the start of the window.
    begin: usize,
    checks: u32,
}

impl RateWindow {
    /// Checks once more, and returns how many checks in a row have found pending data of which less than `quota` was sent.
    pub(super) fn check(&mut self, progress: &Progress, quota: usize) -> u32 {
        let sent = progress.sent();
        if progress.pending() == 0 || sent.wrapping_sub(self.begin) >= quota {
            *self = RateWindow { begin: sent, checks: 0 };
        } else {
            self.checks += 1;
        }
        self.checks
    }
}
