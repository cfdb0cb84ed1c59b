//! The descriptions of stored jobs and batches.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobState {
    /// It waits for its time, or for its next attempt.
    Waiting,
    /// It runs as soon as a worker is free.
    Ready,
    /// It waits for the end of another job with its [key](crate::JobOptions::one_at_a_time).
    Blocked,
    /// It is running.
    Running,
    /// It has succeeded or been cancelled, and is kept for a time.
    Done,
    /// Its last attempt has failed.
    Failed,
}

impl JobState {
    /// All states, beginning with those that need attention.
    pub const ALL: [JobState; 6] =
        [JobState::Failed, JobState::Running, JobState::Ready, JobState::Blocked, JobState::Waiting, JobState::Done];

    /// Returns the name: `waiting`.
    pub fn name(self) -> &'static str {
        match self {
            JobState::Waiting => "waiting",
            JobState::Ready => "ready",
            JobState::Blocked => "blocked",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || JobState::ALL.map(JobState::name).join(", ");
        JobState::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| format!("not a state of jobs: {}", names()))
    }
}

/// A stored job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobInfo {
    /// The id.
    pub id: i64,
    /// The name of its type.
    pub name: String,
    /// Its queue.
    pub queue: String,
    /// Its data as JSON.
    pub payload: String,
    /// Its priority.
    pub priority: i16,
    /// Its state.
    pub state: JobState,
    /// The time before which it does not run.
    pub due_at: DateTime<Utc>,
    /// The number of attempts, including a running one.
    pub attempts: u32,
    /// The progress that a running job has reported with [`JobContext::progress`](crate::JobContext::progress).
    pub progress: Option<JobProgress>,
    /// The error of the last failed attempt.
    pub last_error: Option<String>,
    /// Whether it has been cancelled.
    pub is_cancelled: bool,
    /// The time when it was enqueued.
    pub created_at: DateTime<Utc>,
    /// The time when it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The progress of a running job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// The number of finished steps.
    pub done: u64,
    /// The number of all steps.
    pub total: u64,
    /// A description of the current step.
    pub text: String,
}

/// A batch of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BatchInfo {
    /// The id.
    pub id: i64,
    /// The number of its jobs.
    pub total: u32,
    /// The number of jobs that have not ended.
    pub pending: u32,
    /// The number of jobs that have failed or been cancelled.
    pub failed: u32,
}
