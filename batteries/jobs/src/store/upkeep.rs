//! Maintenance of the queue: due jobs become ready, leases are extended, those of dead workers are found, old rows are deleted.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use lback_core::Result;
use lback_db::Db;

use super::{Claimed, DONE, FAILED, READY, RUNNING, WAITING, job_batches, job_counts, job_queue, later};
use crate::JobProgress;
use crate::registry::Queue;

/// The number of rows that one statement changes at most, so that no transaction takes long.
const ROWS: i64 = 500;

/// The work that was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    /// Whether a job is ready or due, or its worker is dead.
    pub(crate) has_work: bool,
    /// The time when the next job is due.
    pub(crate) next_due: Option<DateTime<Utc>>,
}

/// Looks for work without writing. `own` are the jobs that this process has.
pub(crate) fn look(db: &mut Db, worker: &str, own: &HashSet<i64>, queues: &[Queue]) -> Result<Look> {
    let now = db.now();
    let next_due = next_due(db)?;
    let mut has_work = next_due.is_some_and(|due| due <= now);
    for queue in queues {
        if !has_work {
            let ready = job_queue::table.filter(job_queue::state.eq(READY)).filter(job_queue::queue.eq(&queue.name));
            has_work = ready.select(job_queue::id).first::<i64>(db).optional()?.is_some();
        }
    }
    Ok(Look { has_work: has_work || !lost_ids(db, worker, own, now)?.is_empty(), next_due })
}

/// Returns the time when the next waiting job is due.
pub(crate) fn next_due(db: &mut Db) -> Result<Option<DateTime<Utc>>> {
    let waiting = job_queue::table.filter(job_queue::state.eq(WAITING)).order(job_queue::due_at);
    let due: Option<NaiveDateTime> = waiting.select(job_queue::due_at).first(db).optional()?;
    Ok(due.map(|due| due.and_utc()))
}

/// Makes waiting jobs ready whose time has come.
pub(crate) fn make_due_ready(db: &mut Db) -> Result<()> {
    let now = db.now().naive_utc();
    let due = job_queue::table.filter(job_queue::state.eq(WAITING)).filter(job_queue::due_at.le(now)).order(job_queue::due_at);
    let ids: Vec<i64> = due.limit(ROWS).for_update().skip_locked().select(job_queue::id).load(db)?;
    if !ids.is_empty() {
        diesel::update(job_queue::table.filter(job_queue::id.eq_any(ids))).set(job_queue::state.eq(READY)).execute(db)?;
    }
    Ok(())
}

fn lost_ids(db: &mut Db, worker: &str, own: &HashSet<i64>, now: DateTime<Utc>) -> QueryResult<Vec<i64>> {
    let running = job_queue::table.filter(job_queue::state.eq(RUNNING));
    let is_lost = job_queue::lease_until.lt(now.naive_utc()).or(job_queue::worker.eq(worker));
    let limit = ROWS.saturating_add(i64::try_from(own.len()).unwrap_or(i64::MAX));
    let mut ids: Vec<i64> = running.filter(is_lost).limit(limit).select(job_queue::id).load(db)?;
    ids.retain(|id| !own.contains(id));
    Ok(ids)
}

/// Returns the jobs of workers that are considered dead, with those workers, and jobs that this process has claimed without knowing it,
/// as it lost its connection during the commit. Other processes do not get them before the transaction ends.
pub(crate) fn lost(db: &mut Db, worker: &str, own: &HashSet<i64>) -> Result<Vec<(String, Claimed)>> {
    let now = db.now();
    let ids = lost_ids(db, worker, own, now)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    #[derive(Queryable, Selectable)]
    #[diesel(table_name = job_queue)]
    struct Row {
        id: i64,
        name: String,
        queue: String,
        attempts: i32,
        worker: Option<String>,
        unique_until: Option<NaiveDateTime>,
        lock_key: Option<String>,
        batch_id: Option<i64>,
        after_batch: Option<i64>,
        created_at: NaiveDateTime,
    }
    let rows: Vec<Row> = job_queue::table
        .filter(job_queue::id.eq_any(ids))
        .filter(job_queue::state.eq(RUNNING))
        .filter(job_queue::lease_until.lt(now.naive_utc()).or(job_queue::worker.eq(worker)))
        .for_update()
        .skip_locked()
        .select(Row::as_select())
        .load(db)?;
    let job = |row: Row| {
        let job = Claimed {
            id: row.id,
            name: row.name,
            queue: row.queue,
            payload: String::new(),
            attempts: row.attempts,
            is_unique_later: row.unique_until.is_some(),
            lock_key: row.lock_key,
            batch_id: row.batch_id,
            after_batch: row.after_batch,
            created_at: row.created_at.and_utc(),
        };
        (row.worker.unwrap_or_default(), job)
    };
    Ok(rows.into_iter().map(job).collect())
}

/// Extends the leases of a worker.
pub(crate) fn extend_leases(db: &mut Db, worker: &str, lease: Duration) -> Result<()> {
    let own = job_queue::table.filter(job_queue::state.eq(RUNNING)).filter(job_queue::worker.eq(worker));
    // It does not wait for those whose end is being recorded.
    let ids: Vec<i64> = own.for_update().skip_locked().select(job_queue::id).load(db)?;
    let own = job_queue::table.filter(job_queue::id.eq_any(ids));
    diesel::update(own).set(job_queue::lease_until.eq(later(db.now(), lease))).execute(db)?;
    Ok(())
}

/// Stores the progress of a running job.
pub(crate) fn note_progress(db: &mut Db, id: i64, worker: &str, progress: &JobProgress) -> Result<()> {
    let own = job_queue::table.find(id).filter(job_queue::worker.eq(worker));
    diesel::update(own).set(job_queue::progress.eq(serde_json::to_string(progress)?)).execute(db)?;
    Ok(())
}

/// Adds numbers of ended attempts to those of the hour: done and failed, by the names of the jobs.
pub(crate) fn add_counts(db: &mut Db, counts: &BTreeMap<String, (i64, i64)>) -> Result<()> {
    let now = db.now();
    let hour = now.timestamp() - now.timestamp().rem_euclid(3600);
    let hour = DateTime::from_timestamp(hour, 0).unwrap_or(now).naive_utc();
    for (name, (done, failed)) in counts {
        let row = (job_counts::name.eq(name), job_counts::hour.eq(hour), job_counts::done.eq(done), job_counts::failed.eq(failed));
        diesel::insert_into(job_counts::table)
            .values(row)
            .on_conflict((job_counts::name, job_counts::hour))
            .do_update()
            .set((
                job_counts::done.eq(job_counts::done + excluded(job_counts::done)),
                job_counts::failed.eq(job_counts::failed + excluded(job_counts::failed)),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// Deletes rows that are not kept any longer. Returns false if there may be more of them.
pub(crate) fn delete_old(db: &mut Db, keep: Duration) -> Result<bool> {
    let now = db.now();
    let before = now.naive_utc() - TimeDelta::from_std(keep).unwrap_or(TimeDelta::days(3650));
    let ended = job_queue::table.filter(job_queue::state.eq_any([DONE, FAILED])).filter(job_queue::keep_until.lt(now.naive_utc()));
    let ids: Vec<i64> = ended.limit(ROWS).for_update().skip_locked().select(job_queue::id).load(db)?;
    let jobs = diesel::delete(job_queue::table.filter(job_queue::id.eq_any(ids))).execute(db)?;
    let ids: Vec<i64> = job_batches::table
        .filter(job_batches::pending.le(0))
        .filter(job_batches::created_at.lt(before))
        .limit(ROWS)
        .for_update()
        .skip_locked()
        .select(job_batches::id)
        .load(db)?;
    let batches = diesel::delete(job_batches::table.filter(job_batches::id.eq_any(ids))).execute(db)?;
    diesel::delete(job_counts::table.filter(job_counts::hour.lt(before))).execute(db)?;
    Ok(i64::try_from(jobs.max(batches)).is_ok_and(|deleted| deleted < ROWS))
}
