//! The state that a running job shares with its worker.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lback_core::{Error, Result};

use crate::JobProgress;

const RUNNING: u8 = 0;
const FINISHED: u8 = 1;
const TIMED_OUT: u8 = 2;

/// The state that a running job shares with its worker.
#[derive(Debug)]
pub(crate) struct Control {
    deadline: Instant,
    state: AtomicU8,
    is_cancelled: AtomicBool,
    is_stopping: AtomicBool,
    /// The progress that has not been stored yet.
    progress: Mutex<Option<JobProgress>>,
}

impl Control {
    pub(crate) fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Control {
            // A time that the clock cannot represent means no limit.
            deadline: now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600)),
            state: AtomicU8::new(RUNNING),
            is_cancelled: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            progress: Mutex::new(None),
        }
    }

    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Records that the job has returned. Returns false if its time limit was over before.
    pub(crate) fn finish(&self) -> bool {
        self.state.compare_exchange(RUNNING, FINISHED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Records that the time limit is over. Returns false if the job has returned before.
    pub(crate) fn time_out(&self) -> bool {
        self.state.compare_exchange(RUNNING, TIMED_OUT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub(crate) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Release);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    pub(crate) fn check_time(&self) -> Result<()> {
        match self.time_left().is_zero() {
            true => Err(Error::unavailable("the time limit of the job is over")),
            false => Ok(()),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        match (self.is_cancelled(), self.is_stopping()) {
            (true, _) => Err(Error::unavailable("the job has been cancelled")),
            (_, true) => Err(Error::unavailable("the program is stopping")),
            _ => self.check_time(),
        }
    }

    pub(crate) fn set_progress(&self, progress: JobProgress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    pub(crate) fn take_progress(&self) -> Option<JobProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
