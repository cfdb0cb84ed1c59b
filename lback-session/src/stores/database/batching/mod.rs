//! Collects writes into batches.
//!
//! Clients whose writes were just committed send their next requests in a moment. A commit that begins without them makes them wait
//! for two commits: on a slow disk, half of the clients would always write while the other half waits. So a batch waits for them as
//! long as one write soon follows the other. "Soon" is a small part of the time that the last commit waited for the disk, almost
//! nothing on a fast one, and the total wait is no longer than that commit. A single client is never delayed.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Maximum number of writes in one transaction, so that the first one does not wait for too many others.
pub(super) const MAX_BATCH: usize = 256;
/// The part of the last commit's time in which the next write must come.
const PATIENCE: u32 = 8;
/// Maximum total wait, whatever the last commit took: one slow commit is no reason to delay others.
const MOST_PATIENCE: Duration = Duration::from_millis(20);

pub(super) struct Gather<T> {
    jobs: Receiver<T>,
    /// Maximum size of a batch.
    most: usize,
    /// Writes that came while the last batch was written.
    waiting: Vec<T>,
    /// The number of concurrent writers: the last batch, and the writes that waited for its end.
    expected: usize,
    /// The total wait.
    patience: Duration,
}

impl<T> Gather<T> {
    pub(super) fn new(jobs: Receiver<T>, most: usize) -> Self {
        Gather { jobs, most, waiting: Vec::new(), expected: 0, patience: Duration::ZERO }
    }

    /// Waits for the next batch. Returns `None` when all senders are gone.
    pub(super) fn next(&mut self) -> Option<Vec<T>> {
        let mut batch = std::mem::take(&mut self.waiting);
        if batch.is_empty() {
            batch.push(self.jobs.recv().ok()?);
        }
        // The thread that woke this one may be about to send more, and may share its processor.
        std::thread::yield_now();
        let until = Instant::now() + self.patience;
        loop {
            batch.extend(self.jobs.try_iter().take(self.most.saturating_sub(batch.len())));
            if batch.len() >= self.expected.min(self.most) {
                return Some(batch);
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.jobs.recv_timeout(left.min(self.patience / PATIENCE)) {
                Ok(job) => batch.push(job),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Some(batch),
            }
        }
    }

    /// Notes the size of the written batch and the time of its commit.
    pub(super) fn written(&mut self, batch: usize, commit: Duration) {
        self.waiting = self.jobs.try_iter().take(self.most).collect();
        self.expected = batch + self.waiting.len();
        self.patience = commit.min(MOST_PATIENCE);
    }

    /// Takes all waiting writes, which would wait in vain.
    pub(super) fn give_up(&mut self) -> Vec<T> {
        let mut rest = std::mem::take(&mut self.waiting);
        rest.extend(self.jobs.try_iter());
        rest
    }
}

#[cfg(test)]
mod tests;
