//! Waits until there is something to write, and takes along whatever else is there.
//!
//! Those whose writes were committed just now come back with the next ones in a moment. Who begins the next commit
//! without them lets them wait for two: where a disk is slow, half of the crowd would always write while the other half
//! waits. So they are waited for, as long as one comes soon after the other, and "soon" is a small part of what the last
//! commit waited for the disk: next to nothing where that is fast. All of it together takes no longer than that commit did.
//! A single visitor waits for nobody.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The most writes in one transaction, so that the first of them does not wait for too many others.
pub(super) const MAX_BATCH: usize = 256;
/// How much of the time that the last commit took may pass until the next write comes.
const PATIENCE: u32 = 8;
/// The most that is waited in all, whatever the last commit took: a disk that stuttered once is no reason to be slow.
const MOST_PATIENCE: Duration = Duration::from_millis(20);

pub(super) struct Gather<T> {
    jobs: Receiver<T>,
    /// The most in a batch.
    most: usize,
    /// What came while the last batch was written.
    waiting: Vec<T>,
    /// As many are writing at the same time: the last batch, and those that waited for its end.
    crowd: usize,
    /// How long is waited in all.
    patience: Duration,
}

impl<T> Gather<T> {
    pub(super) fn new(jobs: Receiver<T>, most: usize) -> Self {
        Gather { jobs, most, waiting: Vec::new(), crowd: 0, patience: Duration::ZERO }
    }

    /// The next batch, as soon as something is to be done. `None` when nobody can ask for anything any more.
    pub(super) fn next(&mut self) -> Option<Vec<T>> {
        let mut batch = std::mem::take(&mut self.waiting);
        if batch.is_empty() {
            batch.push(self.jobs.recv().ok()?);
        }
        // Whoever woke this thread may be about to bring more, and have only this processor for it.
        std::thread::yield_now();
        let until = Instant::now() + self.patience;
        loop {
            batch.extend(self.jobs.try_iter().take(self.most.saturating_sub(batch.len())));
            if batch.len() >= self.crowd.min(self.most) {
                return Some(batch);
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.jobs.recv_timeout(left.min(self.patience / PATIENCE)) {
                Ok(job) => batch.push(job),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Some(batch),
            }
        }
    }

    /// A batch of this size was written, and its commit took so long.
    pub(super) fn written(&mut self, batch: usize, commit: Duration) {
        self.waiting = self.jobs.try_iter().take(self.most).collect();
        self.crowd = batch + self.waiting.len();
        self.patience = commit.min(MOST_PATIENCE);
    }

    /// Everything that waits, because it would wait in vain.
    pub(super) fn give_up(&mut self) -> Vec<T> {
        let mut rest = std::mem::take(&mut self.waiting);
        rest.extend(self.jobs.try_iter());
        rest
    }
}

#[cfg(test)]
mod tests;
