//! The tables of jobs, and their statements.

mod batch;
mod claim;
mod end;
mod inspect;
mod push;
mod upkeep;

pub(crate) use batch::{find as find_batch, push as push_batch};
pub(crate) use claim::{Claimed, Claims, claim};
pub(crate) use end::{End, end, end_all};
pub(crate) use inspect::{Count, cancel, counts, delete, find, list, list_queue, overview, retry, retry_failed};
pub(crate) use push::{OfBatch, push, push_one};
pub(crate) use upkeep::{add_counts, delete_old, extend_leases, look, lost, make_due_ready, next_due, note_progress};

use chrono::{DateTime, NaiveDateTime, Utc};
use lback_core::Result;
use lback_db::Db;

/// The topic of the notices that wake workers. New jobs send it with a trigger.
pub(crate) const TOPIC: &str = "jobs";

/// Wakes the workers of all processes after the commit, as a stored job has become ready.
fn wake_others(db: &mut Db) -> Result<()> {
    db.notify(TOPIC, "")
}

diesel::table! {
    /// Jobs that wait or run, and jobs that are kept after their end.
    job_queue (id) {
        /// The primary key.
        id -> BigInt,
        /// The name of the type.
        name -> Text,
        /// The queue.
        queue -> Text,
        /// The data, as JSON.
        payload -> Text,
        /// The priority; the highest is first.
        priority -> SmallInt,
        /// The state, as in [`JobState`](crate::JobState).
        state -> Text,
        /// The time before which the job does not run.
        due_at -> Timestamp,
        /// The number of attempts.
        attempts -> Integer,
        /// The process that runs the job.
        worker -> Nullable<Text>,
        /// The time after which that process is considered dead.
        lease_until -> Nullable<Timestamp>,
        /// The key that no other job may have.
        unique_key -> Nullable<Text>,
        /// The time until which the key is kept after the end.
        unique_until -> Nullable<Timestamp>,
        /// Whether the key is given up when the job begins.
        unique_while_waiting -> Bool,
        /// The key of jobs that run one at a time.
        lock_key -> Nullable<Text>,
        /// The batch that the job belongs to.
        batch_id -> Nullable<BigInt>,
        /// The batch after which the job runs.
        after_batch -> Nullable<BigInt>,
        /// Whether the job has been cancelled.
        is_cancelled -> Bool,
        /// The progress, as JSON.
        progress -> Nullable<Text>,
        /// The error of the last failed attempt.
        last_error -> Nullable<Text>,
        /// The time when the row of an ended job is deleted.
        keep_until -> Nullable<Timestamp>,
        /// The time when the job was enqueued.
        created_at -> Timestamp,
        /// The time when the job ended.
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Batches of jobs.
    job_batches (id) {
        /// The primary key.
        id -> BigInt,
        /// The number of jobs.
        total -> Integer,
        /// The number of jobs that have not ended.
        pending -> Integer,
        /// The number of jobs that have failed or been cancelled.
        failed -> Integer,
        /// The job that runs then, as JSON.
        next_job -> Nullable<Text>,
        /// The time when the batch was enqueued.
        created_at -> Timestamp,
    }
}

diesel::table! {
    /// The last time for which each schedule has enqueued its job.
    job_schedules (name) {
        /// The name of the schedule.
        name -> Text,
        /// The time.
        last_due -> Timestamp,
    }
}

diesel::table! {
    /// Numbers of ended jobs per hour.
    job_counts (name, hour) {
        /// The name of the type.
        name -> Text,
        /// The beginning of the hour.
        hour -> Timestamp,
        /// The number of jobs that have succeeded.
        done -> BigInt,
        /// The number of failed attempts.
        failed -> BigInt,
    }
}

lback_db::joinable_tables![job_queue, job_batches, job_schedules, job_counts];

/// The tables of [`MIGRATIONS`](crate::MIGRATIONS).
pub fn tables() -> lback_db::Tables {
    lback_db::tables![job_queue, job_batches, job_schedules, job_counts]
}

/// The states as they are stored, which are the names of [`JobState`](crate::JobState).
pub(crate) const WAITING: &str = "waiting";
pub(crate) const READY: &str = "ready";
pub(crate) const BLOCKED: &str = "blocked";
pub(crate) const RUNNING: &str = "running";
pub(crate) const DONE: &str = "done";
pub(crate) const FAILED: &str = "failed";

/// Returns `time` later.
pub(crate) fn later(now: DateTime<Utc>, time: std::time::Duration) -> NaiveDateTime {
    let later = chrono::TimeDelta::from_std(time).ok().and_then(|time| now.checked_add_signed(time));
    storable(later.unwrap_or(DateTime::<Utc>::MAX_UTC))
}

/// Returns the time, or the nearest one in the years 1970 to 9999: other years are not read back from SQLite, or are refused by
/// PostgreSQL.
pub(crate) fn storable(time: DateTime<Utc>) -> NaiveDateTime {
    const LAST: i64 = 253_402_300_799;
    match time.timestamp() {
        0..=LAST => time.naive_utc(),
        seconds => DateTime::from_timestamp(seconds.clamp(0, LAST), 0).unwrap_or_default().naive_utc(),
    }
}
