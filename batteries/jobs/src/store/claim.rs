//! Claims jobs that are ready.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Nullable, Text};
use lback_core::Result;
use lback_db::Db;

use super::{BLOCKED, READY, RUNNING, job_queue, later};
use crate::registry::Queue;

/// If the first jobs of a queue must wait for others with their keys, this many are looked at together, and this many times.
const BLOCKED_AT_ONCE: usize = 50;
const MOST_LOOKS: usize = 20;

/// A job that this process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) payload: String,
    /// The number of attempts, including this one. Together with the worker, it names the attempt.
    pub(crate) attempts: i32,
    pub(crate) is_unique_later: bool,
    pub(crate) lock_key: Option<String>,
    pub(crate) batch_id: Option<i64>,
    pub(crate) after_batch: Option<i64>,
    pub(crate) created_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = job_queue)]
struct Row {
    id: i64,
    name: String,
    payload: String,
    attempts: i32,
    unique_until: Option<chrono::NaiveDateTime>,
    lock_key: Option<String>,
    batch_id: Option<i64>,
    after_batch: Option<i64>,
    created_at: chrono::NaiveDateTime,
}

/// Claims up to `room` jobs of these queues for `worker`, in the order of their priorities. No other worker gets them before the end
/// of the lease.
pub(crate) fn claim(db: &mut Db, worker: &str, queues: &[Queue], room: usize, lease: Duration) -> Result<Vec<Claimed>> {
    let mut claimed = Vec::new();
    for queue in queues {
        let mut room = i64::try_from(room.saturating_sub(claimed.len())).unwrap_or(i64::MAX);
        if let Some(limit) = queue.limit {
            room = room.min(i64::from(limit) - running(db, &queue.name)?);
        }
        if room > 0 {
            claimed.extend(claim_from(db, worker, &queue.name, room, lease)?);
        }
    }
    Ok(claimed)
}

/// Returns the number of running jobs of a queue, which does not grow before the transaction ends.
fn running(db: &mut Db, queue: &str) -> Result<i64> {
    #[cfg(feature = "postgres")]
    if db.kind() == lback_db::Kind::Postgres {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('lback_jobs'), hashtext($1))").bind::<Text, _>(queue).execute(db)?;
    }
    Ok(job_queue::table.filter(job_queue::state.eq(RUNNING)).filter(job_queue::queue.eq(queue)).count().get_result(db)?)
}

fn claim_from(db: &mut Db, worker: &str, queue: &str, room: i64, lease: Duration) -> Result<Vec<Claimed>> {
    let until = later(db.now(), lease);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let mut claimed = Vec::new();
    let mut looks_at = room;
    for _ in 0..MOST_LOOKS {
        let rows = ready(db, queue, looks_at)?;
        let is_rest = rows.len() < looks_at;
        let mut free = Vec::new();
        for row in rows {
            if claimed.len() == room {
                break;
            }
            match &row.lock_key {
                None => free.push(row.id),
                Some(key) if claim_alone(db, row.id, key, worker, until)? => {}
                Some(_) => continue,
            }
            claimed.push(row);
        }
        if !free.is_empty() {
            start(db, &free, worker, until)?;
        }
        if is_rest || claimed.len() == room {
            break;
        }
        // The jobs that were looked at are blocked now.
        looks_at = room.max(BLOCKED_AT_ONCE);
    }
    Ok(claimed.into_iter().map(|row| row.claimed(queue)).collect())
}

/// Returns the first jobs of a queue that are ready, which no other worker gets before the end of the transaction.
fn ready(db: &mut Db, queue: &str, count: usize) -> QueryResult<Vec<Row>> {
    job_queue::table
        .filter(job_queue::state.eq(READY))
        .filter(job_queue::queue.eq(queue))
        .order((job_queue::priority.desc(), job_queue::id))
        .limit(i64::try_from(count).unwrap_or(i64::MAX))
        .for_update()
        .skip_locked()
        .select(Row::as_select())
        .load(db)
}

fn start(db: &mut Db, ids: &[i64], worker: &str, until: chrono::NaiveDateTime) -> QueryResult<usize> {
    let none = None::<String>.into_sql::<Nullable<Text>>();
    let unique_key = case_when(job_queue::unique_while_waiting, none).otherwise(job_queue::unique_key);
    let started = (
        job_queue::state.eq(RUNNING),
        job_queue::worker.eq(worker),
        job_queue::lease_until.eq(until),
        job_queue::attempts.eq(job_queue::attempts + 1),
        job_queue::unique_key.eq(unique_key),
    );
    diesel::update(job_queue::table.filter(job_queue::id.eq_any(ids))).set(started).execute(db)
}

/// Starts a job unless another one with its key runs. Otherwise the job is blocked: the end of the other one makes it ready, so that
/// it is looked at once only, however many wait for the same key.
fn claim_alone(db: &mut Db, id: i64, key: &str, worker: &str, until: chrono::NaiveDateTime) -> Result<bool> {
    for _ in 0..2 {
        // The lock makes the end of the other job wait for this transaction, so that it sees the blocked job.
        let other = job_queue::table.filter(job_queue::lock_key.eq(key)).filter(job_queue::state.eq(RUNNING));
        let other: Option<i64> = other.for_update().select(job_queue::id).first(db).optional()?;
        if other.is_some() {
            diesel::update(job_queue::table.find(id)).set(job_queue::state.eq(BLOCKED)).execute(db)?;
            return Ok(false);
        }
        match db.transaction(|db| start(db, &[id], worker, until)) {
            Ok(_) => return Ok(true),
            // Another process has just started one.
            Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

impl Row {
    fn claimed(self, queue: &str) -> Claimed {
        Claimed {
            id: self.id,
            name: self.name,
            queue: queue.to_owned(),
            payload: self.payload,
            attempts: self.attempts.saturating_add(1),
            is_unique_later: self.unique_until.is_some(),
            lock_key: self.lock_key,
            batch_id: self.batch_id,
            after_batch: self.after_batch,
            created_at: self.created_at.and_utc(),
        }
    }
}
