//! Records the ends of attempts.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use lback_core::Result;
use lback_db::Db;

use super::batch::count_end;
use super::{BLOCKED, Claimed, DONE, FAILED, READY, RUNNING, WAITING, job_batches, job_queue, later, wake_others};

/// The end of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The job has succeeded. Its row is kept for this time.
    Done(Duration),
    /// The job has ended because it was cancelled.
    Cancelled,
    /// The job is tried again after the pause.
    Retry { pause: Duration, error: String },
    /// The job is not tried again. Its row is kept for this time.
    Failed { keep: Duration, error: String },
    /// The attempt was interrupted, and does not count.
    HandedBack,
}

impl End {
    fn is_last(&self) -> bool {
        matches!(self, End::Done(_) | End::Cancelled | End::Failed { .. })
    }
}

/// Records the ends of attempts. Those that are not this worker's any more are left alone.
pub(crate) fn end_all(db: &mut Db, worker: &str, ends: &[(Claimed, End)]) -> Result<()> {
    let is_simple = |job: &Claimed, end: &End| {
        *end == End::Done(Duration::ZERO)
            && !job.is_unique_later
            && job.lock_key.is_none()
            && job.batch_id.is_none()
            && job.after_batch.is_none()
    };
    let simple: Vec<i64> = ends.iter().filter(|(job, end)| is_simple(job, end)).map(|(job, _)| job.id).collect();
    if !simple.is_empty() {
        diesel::delete(
            job_queue::table
                .filter(job_queue::id.eq_any(&simple))
                .filter(job_queue::state.eq(RUNNING))
                .filter(job_queue::worker.eq(worker)),
        )
        .execute(db)?;
    }
    // In the same order in all processes, so that none waits for the counts of a batch while another waits for it.
    let mut others: Vec<_> = ends.iter().filter(|(job, end)| !is_simple(job, end)).collect();
    others.sort_by_key(|(job, _)| job.batch_id);
    for (job, how) in others {
        end(db, worker, job, how)?;
    }
    Ok(())
}

/// Records the end of an attempt. Returns false if it is not this worker's any more.
pub(crate) fn end(db: &mut Db, worker: &str, job: &Claimed, how: &End) -> Result<bool> {
    let now = db.now();
    let own = job_queue::table
        .filter(job_queue::id.eq(job.id))
        .filter(job_queue::worker.eq(worker))
        .filter(job_queue::attempts.eq(job.attempts))
        .filter(job_queue::state.eq(RUNNING));
    let released = (job_queue::worker.eq(None::<&str>), job_queue::lease_until.eq(None::<NaiveDateTime>));
    let how = match how {
        // It was cancelled, and has not noticed it.
        End::Retry { .. } | End::HandedBack if own.for_update().select(job_queue::is_cancelled).first(db).optional()? == Some(true) => {
            &End::Cancelled
        }
        how => how,
    };
    let changed = match how {
        End::Done(keep) => {
            let kept: Option<Option<NaiveDateTime>> =
                if keep.is_zero() && !job.is_unique_later { None } else { own.select(job_queue::unique_until).first(db).optional()? };
            let keep_until = kept.flatten().into_iter().chain([later(now, *keep)]).max();
            match keep_until.filter(|until| *until > now.naive_utc()) {
                Some(until) => {
                    let ended = (job_queue::state.eq(DONE), job_queue::keep_until.eq(until), job_queue::ended_at.eq(now.naive_utc()));
                    let changed = diesel::update(own).set((ended, released)).execute(db)?;
                    if changed > 0 && !job.is_unique_later {
                        diesel::update(job_queue::table.find(job.id)).set(job_queue::unique_key.eq(None::<&str>)).execute(db)?;
                    }
                    changed
                }
                None => diesel::delete(own).execute(db)?,
            }
        }
        End::Cancelled => diesel::delete(own).execute(db)?,
        End::Retry { pause, error } => {
            let again = (job_queue::state.eq(WAITING), job_queue::due_at.eq(later(now, *pause)), job_queue::last_error.eq(error));
            diesel::update(own).set((again, released)).execute(db)?
        }
        End::Failed { keep, error } => {
            let failed = (
                job_queue::state.eq(FAILED),
                job_queue::keep_until.eq(later(now, *keep)),
                job_queue::ended_at.eq(now.naive_utc()),
                job_queue::last_error.eq(error),
                job_queue::unique_key.eq(None::<&str>),
                // It counts as failed there, even if it is retried.
                job_queue::batch_id.eq(None::<i64>),
            );
            diesel::update(own).set((failed, released)).execute(db)?
        }
        End::HandedBack => {
            let back = (job_queue::state.eq(READY), job_queue::attempts.eq(job_queue::attempts - 1));
            let changed = diesel::update(own).set((back, released)).execute(db)?;
            wake_others(db)?;
            changed
        }
    };
    if changed == 0 {
        return Ok(false);
    }
    release(db, job, how, now)?;
    Ok(true)
}

/// Applies the consequences of the end of an attempt: another job with its key may run, and its batch may have ended.
pub(super) fn release(db: &mut Db, job: &Claimed, how: &End, now: DateTime<Utc>) -> Result<()> {
    if let Some(key) = &job.lock_key {
        make_one_ready(db, key)?;
    }
    if how.is_last() {
        if let Some(batch) = job.batch_id {
            count_end(db, batch, !matches!(how, End::Done(_)), now)?;
        }
        if let (Some(batch), End::Done(_)) = (job.after_batch, how) {
            diesel::delete(job_batches::table.find(batch)).execute(db)?;
        }
    }
    Ok(())
}

/// Makes the first blocked job with this key ready.
fn make_one_ready(db: &mut Db, key: &str) -> Result<()> {
    let blocked = job_queue::table.filter(job_queue::lock_key.eq(key)).filter(job_queue::state.eq(BLOCKED));
    let first: Option<i64> = blocked.order((job_queue::priority.desc(), job_queue::id)).select(job_queue::id).first(db).optional()?;
    if let Some(id) = first {
        let blocked = job_queue::table.find(id).filter(job_queue::state.eq(BLOCKED));
        diesel::update(blocked).set(job_queue::state.eq(READY)).execute(db)?;
        wake_others(db)?;
    }
    Ok(())
}
