//! Stores new jobs.

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};
use diesel::prelude::*;
use lback_core::{Error, Result};
use lback_db::Db;

use super::{DONE, READY, WAITING, job_queue, later, storable};
use crate::NewJob;
use crate::new_job::{Due, UniqueUntil};

/// The number of jobs in one statement.
const ROWS: usize = 200;
/// The number of attempts to enqueue a unique job or to find the other one.
const MOST_ATTEMPTS: u32 = 20;

#[derive(Insertable)]
#[diesel(table_name = job_queue)]
struct NewRow<'a> {
    name: &'a str,
    queue: &'a str,
    payload: &'a str,
    priority: i16,
    state: &'static str,
    due_at: NaiveDateTime,
    attempts: i32,
    unique_key: Option<&'a str>,
    unique_until: Option<NaiveDateTime>,
    unique_while_waiting: bool,
    lock_key: Option<&'a str>,
    batch_id: Option<i64>,
    after_batch: Option<i64>,
    is_cancelled: bool,
    created_at: NaiveDateTime,
}

/// The batch that new jobs belong to, or after which they run.
#[derive(Clone, Copy, Default)]
pub(crate) struct OfBatch {
    pub(super) batch_id: Option<i64>,
    pub(super) after_batch: Option<i64>,
}

impl<'a> NewRow<'a> {
    fn new(job: &'a NewJob, now: DateTime<Utc>, of: OfBatch) -> Self {
        // As precise as the databases store it.
        let created_at = now.trunc_subsecs(6).naive_utc();
        let due_at = match job.due {
            Due::Now => created_at,
            Due::After(time) => time.to_std().map_or(created_at, |time| later(now, time)),
            Due::At(time) => storable(time),
        };
        NewRow {
            name: &job.name,
            queue: &job.queue,
            payload: &job.payload,
            priority: job.priority,
            state: if due_at <= created_at { READY } else { WAITING },
            due_at,
            attempts: 0,
            unique_key: job.unique.as_ref().map(|unique| unique.key.as_str()),
            unique_until: job.unique.as_ref().and_then(|unique| match unique.until {
                UniqueUntil::After(time) => time.to_std().ok().map(|time| later(now, time)),
                UniqueUntil::Started | UniqueUntil::Ended => None,
            }),
            unique_while_waiting: job.unique.as_ref().is_some_and(|unique| unique.until == UniqueUntil::Started),
            lock_key: job.lock_key.as_deref(),
            batch_id: of.batch_id,
            after_batch: of.after_batch,
            is_cancelled: false,
            created_at,
        }
    }
}

/// Stores jobs. Returns the id of each, and whether it is new: if a unique job is there already, the id is that of the other one.
pub(crate) fn push(db: &mut Db, jobs: &[NewJob], of: OfBatch, now: DateTime<Utc>) -> Result<Vec<(i64, bool)>> {
    if jobs.iter().any(|job| job.unique.is_some()) {
        return jobs.iter().map(|job| push_one(db, job, of, now)).collect();
    }
    let mut ids = Vec::with_capacity(jobs.len());
    for jobs in jobs.chunks(ROWS) {
        let rows: Vec<_> = jobs.iter().map(|job| NewRow::new(job, now, of)).collect();
        let stored: Vec<i64> = diesel::insert_into(job_queue::table).values(&rows).returning(job_queue::id).get_results(db)?;
        ids.extend(stored.into_iter().map(|id| (id, true)));
    }
    Ok(ids)
}

/// Stores a job. Returns its id, and whether it is new.
pub(crate) fn push_one(db: &mut Db, job: &NewJob, of: OfBatch, now: DateTime<Utc>) -> Result<(i64, bool)> {
    let row = NewRow::new(job, now, of);
    let Some(key) = row.unique_key else {
        return Ok((diesel::insert_into(job_queue::table).values(&row).returning(job_queue::id).get_result(db)?, true));
    };
    let with_key = job_queue::table.filter(job_queue::unique_key.eq(key));
    for _ in 0..MOST_ATTEMPTS {
        let over = with_key.filter(job_queue::state.eq(DONE)).filter(job_queue::unique_until.le(now.naive_utc()));
        diesel::update(over).set(job_queue::unique_key.eq(None::<&str>)).execute(db)?;
        let insert = diesel::insert_into(job_queue::table).values(&row).on_conflict_do_nothing();
        if let Some(id) = insert.returning(job_queue::id).get_result(db).optional()? {
            return Ok((id, true));
        }
        // The other one may have ended meanwhile.
        if let Some(id) = with_key.select(job_queue::id).first(db).optional()? {
            return Ok((id, false));
        }
    }
    Err(Error::unavailable(format!("jobs with the key {key:?} begin and end so fast that none can be enqueued")))
}
