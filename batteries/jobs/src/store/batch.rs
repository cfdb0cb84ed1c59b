//! Batches of jobs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use lback_core::Result;
use lback_db::Db;

use super::job_batches;
use super::push::{OfBatch, push as push_jobs};
use crate::{Batch, BatchInfo, NewJob};

/// Stores a batch and its jobs, and returns its id.
pub(crate) fn push(db: &mut Db, batch: &Batch, now: DateTime<Utc>) -> Result<i64> {
    let next = batch.next.as_ref().map(serde_json::to_string).transpose()?;
    let all = i32::try_from(batch.jobs.len()).unwrap_or(i32::MAX);
    let row = (
        job_batches::total.eq(all),
        job_batches::pending.eq(all),
        job_batches::failed.eq(0),
        job_batches::next_job.eq(next),
        job_batches::created_at.eq(now.naive_utc()),
    );
    let id: i64 = diesel::insert_into(job_batches::table).values(row).returning(job_batches::id).get_result(db)?;
    let stored = push_jobs(db, &batch.jobs, OfBatch { batch_id: Some(id), after_batch: None }, now)?;
    // Unique jobs that are there already belong to another batch, or to none.
    let others = i32::try_from(stored.iter().filter(|(_, is_new)| !is_new).count()).unwrap_or(i32::MAX);
    if others > 0 {
        let counts = (job_batches::total.eq(all - others), job_batches::pending.eq(all - others));
        diesel::update(job_batches::table.find(id)).set(counts).execute(db)?;
    }
    if all == others {
        push_next(db, id, batch.next.as_ref(), now)?;
    }
    Ok(id)
}

/// Counts the end of one of the jobs of a batch, and stores the job that follows the last one.
pub(super) fn count_end(db: &mut Db, id: i64, is_failed: bool, now: DateTime<Utc>) -> Result<()> {
    let counts = (job_batches::pending.eq(job_batches::pending - 1), job_batches::failed.eq(job_batches::failed + i32::from(is_failed)));
    let updated = diesel::update(job_batches::table.find(id)).set(counts);
    let left: Option<(i32, Option<String>)> = updated.returning((job_batches::pending, job_batches::next_job)).get_result(db).optional()?;
    let Some((0, next)) = left else { return Ok(()) };
    match next.map(|next| serde_json::from_str(&next)).transpose() {
        Ok(next) => push_next(db, id, next.as_ref(), now),
        // The other jobs must be able to end.
        Err(error) => {
            tracing::error!(target: "lback::jobs", batch = id, %error, "the job that follows a batch cannot be read, and is not run");
            Ok(())
        }
    }
}

fn push_next(db: &mut Db, id: i64, next: Option<&NewJob>, now: DateTime<Utc>) -> Result<()> {
    let of = OfBatch { batch_id: None, after_batch: Some(id) };
    push_jobs(db, next.map_or(&[], std::slice::from_ref), of, now).map(drop)
}

/// Finds a batch.
pub(crate) fn find(db: &mut Db, id: i64) -> Result<Option<BatchInfo>> {
    let row: Option<(i32, i32, i32)> =
        job_batches::table.find(id).select((job_batches::total, job_batches::pending, job_batches::failed)).first(db).optional()?;
    let number = |number: i32| u32::try_from(number).unwrap_or(0);
    Ok(row.map(|(total, pending, failed)| BatchInfo { id, total: number(total), pending: number(pending), failed: number(failed) }))
}
