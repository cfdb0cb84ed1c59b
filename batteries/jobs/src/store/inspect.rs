//! Finds stored jobs, and changes them by hand.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use lback_core::Result;
use lback_db::Db;

use super::end::{End, release};
use super::{Claimed, DONE, FAILED, READY, RUNNING, WAITING, job_counts, job_queue, wake_others};
use crate::{JobInfo, JobState};

#[derive(Queryable, Selectable)]
#[diesel(table_name = job_queue)]
struct Row {
    id: i64,
    name: String,
    queue: String,
    payload: String,
    priority: i16,
    state: String,
    due_at: NaiveDateTime,
    attempts: i32,
    progress: Option<String>,
    last_error: Option<String>,
    is_cancelled: bool,
    created_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
}

impl From<Row> for JobInfo {
    fn from(row: Row) -> Self {
        JobInfo {
            id: row.id,
            name: row.name,
            queue: row.queue,
            payload: row.payload,
            priority: row.priority,
            // The table allows no others.
            state: row.state.parse().unwrap_or(JobState::Waiting),
            due_at: row.due_at.and_utc(),
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            progress: row.progress.and_then(|progress| serde_json::from_str(&progress).ok()),
            last_error: row.last_error,
            is_cancelled: row.is_cancelled,
            created_at: row.created_at.and_utc(),
            ended_at: row.ended_at.map(|at| at.and_utc()),
        }
    }
}

/// Finds a job.
pub(crate) fn find(db: &mut Db, id: i64) -> Result<Option<JobInfo>> {
    let row: Option<Row> = job_queue::table.find(id).select(Row::as_select()).first(db).optional()?;
    Ok(row.map(JobInfo::from))
}

/// Returns up to `limit` jobs in this state, or in any, in the order in which they were enqueued.
pub(crate) fn list(db: &mut Db, state: Option<JobState>, limit: i64) -> Result<Vec<JobInfo>> {
    let jobs = job_queue::table.order(job_queue::id).limit(limit).select(Row::as_select());
    let rows: Vec<Row> = match state {
        Some(state) => jobs.filter(job_queue::state.eq(state.name())).load(db)?,
        None => jobs.load(db)?,
    };
    Ok(rows.into_iter().map(JobInfo::from).collect())
}

/// A job in an overview, without its data, which may be large.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = job_queue)]
pub(crate) struct Overview {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) state: String,
    pub(crate) due_at: NaiveDateTime,
    pub(crate) attempts: i32,
    pub(crate) progress: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) is_cancelled: bool,
}

/// Returns up to `limit` jobs of each state with one statement, in the order of [`JobState::ALL`].
pub(crate) fn overview(db: &mut Db, limit: u32) -> Result<Vec<Overview>> {
    let of_state = |(rank, state): (usize, JobState)| {
        let state = state.name();
        format!(
            "SELECT * FROM (SELECT id, name, queue, state, due_at, attempts, progress, last_error, is_cancelled, {rank} AS rank \
             FROM job_queue WHERE state = '{state}' ORDER BY id LIMIT {limit}) AS {state}_jobs"
        )
    };
    let states: Vec<String> = JobState::ALL.into_iter().enumerate().map(of_state).collect();
    Ok(diesel::sql_query(states.join(" UNION ALL ") + " ORDER BY rank, id").load(db)?)
}

/// Returns up to `limit` jobs of a queue, in the order of [`JobState::ALL`].
pub(crate) fn list_queue(db: &mut Db, queue: &str, limit: i64) -> Result<Vec<JobInfo>> {
    let jobs = job_queue::table.filter(job_queue::queue.eq(queue)).order(job_queue::id).select(Row::as_select());
    let mut found = Vec::new();
    for state in JobState::ALL {
        let left = limit - i64::try_from(found.len()).unwrap_or(limit);
        let rows: Vec<Row> = jobs.filter(job_queue::state.eq(state.name())).limit(left).load(db)?;
        found.extend(rows.into_iter().map(JobInfo::from));
    }
    Ok(found)
}

/// Deletes a job that is not running. Returns false if there is none.
pub(crate) fn delete(db: &mut Db, id: i64, now: DateTime<Utc>) -> Result<bool> {
    let ended = job_queue::table.filter(job_queue::id.eq(id)).filter(job_queue::state.eq_any([FAILED, DONE]));
    if diesel::delete(ended).execute(db)? > 0 {
        return Ok(true);
    }
    let running = job_queue::table.find(id).filter(job_queue::state.eq(RUNNING)).select(job_queue::id).first::<i64>(db).optional()?;
    if running.is_some() { Ok(false) } else { cancel(db, id, now) }
}

/// Cancels a job. Returns false if it has ended.
pub(crate) fn cancel(db: &mut Db, id: i64, now: DateTime<Utc>) -> Result<bool> {
    type Found = (String, Option<String>, Option<i64>, Option<i64>);
    let found: Option<Found> = job_queue::table
        .find(id)
        .for_update()
        .select((job_queue::state, job_queue::lock_key, job_queue::batch_id, job_queue::after_batch))
        .first(db)
        .optional()?;
    match found.map(|(state, lock_key, batch_id, after_batch)| (state.parse::<JobState>(), lock_key, batch_id, after_batch)) {
        Some((Ok(JobState::Running), ..)) => {
            let running = job_queue::table.find(id).filter(job_queue::state.eq(RUNNING));
            Ok(diesel::update(running).set(job_queue::is_cancelled.eq(true)).execute(db)? > 0)
        }
        Some((Ok(JobState::Waiting | JobState::Ready | JobState::Blocked), lock_key, batch_id, after_batch)) => {
            diesel::delete(job_queue::table.find(id)).execute(db)?;
            let job = Claimed {
                id,
                name: String::new(),
                queue: String::new(),
                payload: String::new(),
                attempts: 0,
                is_unique_later: false,
                // If it was the next with its key, another one follows.
                lock_key,
                batch_id,
                after_batch,
                created_at: now,
            };
            release(db, &job, &End::Cancelled, now)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Makes a failed job, or one that waits, ready with all its attempts. Returns false if there is none with this id.
pub(crate) fn retry(db: &mut Db, id: i64, now: DateTime<Utc>) -> Result<bool> {
    let job = job_queue::table.filter(job_queue::id.eq(id)).filter(job_queue::state.eq_any([FAILED, WAITING]));
    let retried = diesel::update(job).set(Again::at(now)).execute(db)?;
    wake_others(db)?;
    Ok(retried > 0)
}

/// Makes all failed jobs ready. Returns their number.
pub(crate) fn retry_failed(db: &mut Db, now: DateTime<Utc>) -> Result<usize> {
    let retried = diesel::update(job_queue::table.filter(job_queue::state.eq(FAILED))).set(Again::at(now)).execute(db)?;
    wake_others(db)?;
    Ok(retried)
}

/// A job that begins again.
#[derive(AsChangeset)]
#[diesel(table_name = job_queue, treat_none_as_null = true)]
struct Again {
    state: &'static str,
    due_at: NaiveDateTime,
    attempts: i32,
    is_cancelled: bool,
    keep_until: Option<NaiveDateTime>,
    ended_at: Option<NaiveDateTime>,
}

impl Again {
    fn at(now: DateTime<Utc>) -> Self {
        Again { state: READY, due_at: now.naive_utc(), attempts: 0, is_cancelled: false, keep_until: None, ended_at: None }
    }
}

/// The ended attempts of an hour and a type of jobs.
#[derive(Queryable, Selectable)]
#[diesel(table_name = job_counts)]
pub(crate) struct Count {
    pub(crate) hour: NaiveDateTime,
    pub(crate) done: i64,
    pub(crate) failed: i64,
}

/// Returns the numbers of the last hours.
pub(crate) fn counts(db: &mut Db, hours: i64) -> Result<Vec<Count>> {
    let since = (db.now() - TimeDelta::hours(hours)).naive_utc();
    let counts = job_counts::table.filter(job_counts::hour.gt(since));
    Ok(counts.select(Count::as_select()).load(db)?)
}
