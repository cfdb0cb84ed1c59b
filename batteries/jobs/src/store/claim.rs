//! Claims jobs that are ready.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::case_when;
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::Bool;
use diesel::sql_types::{Nullable, Text};
use lback_core::{Error, Result};
use lback_db::Db;

use super::{BLOCKED, READY, RUNNING, job_queue, later};
use crate::registry::Queue;

/// If the first jobs of a queue must wait for others with their keys, this many are looked at together, and this many times.
const BLOCKED_AT_ONCE: usize = 50;
const MOST_LOOKS: usize = 20;
/// The maximum number of keys in one look at a queue. PostgreSQL keeps a lock for each until the transaction ends, and has room for some
/// thousands.
const MOST_KEYS: usize = 200;

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

/// The result of a claim.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) jobs: Vec<Claimed>,
    /// Whether jobs were left out because another process was deciding about their keys at the same time.
    pub(crate) is_contended: bool,
    /// Whether so many jobs wait for others with their keys that not all were looked at.
    pub(crate) has_more: bool,
}

/// Claims up to `room` jobs of these queues for `worker`, in the order of their priorities. No other worker gets them before the end
/// of the lease. `turn` is the number of the call: each begins with another queue, so that a full queue does not hold up the others.
///
/// It waits for no other process, except for the limits of queues, so that processes that claim and end jobs never wait for each other.
pub(crate) fn claim(db: &mut Db, worker: &str, queues: &[Queue], turn: usize, room: usize, lease: Duration) -> Result<Claims> {
    let mut claims = Claims::default();
    if room == 0 {
        return Ok(claims);
    }
    let mut rooms = Vec::with_capacity(queues.len());
    for queue in queues {
        let free = queue.limit.map(|limit| Ok::<_, Error>(i64::from(limit) - running(db, &queue.name)?)).transpose()?;
        rooms.push(free.map_or(room, |free| usize::try_from(free).unwrap_or(0)));
    }
    for at in (0..queues.len()).map(|at| at.wrapping_add(turn) % queues.len()) {
        let room = rooms[at].min(room - claims.jobs.len());
        if room > 0 {
            claim_from(db, worker, &queues[at].name, room, lease, &mut claims)?;
        }
    }
    Ok(claims)
}

/// Returns the number of running jobs of a queue, which does not grow before the transaction ends.
fn running(db: &mut Db, queue: &str) -> Result<i64> {
    #[cfg(feature = "postgres")]
    if db.kind() == lback_db::Kind::Postgres {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('lback_jobs'), hashtext($1))").bind::<Text, _>(queue).execute(db)?;
    }
    Ok(job_queue::table.filter(job_queue::state.eq(RUNNING)).filter(job_queue::queue.eq(queue)).count().get_result(db)?)
}

fn claim_from(db: &mut Db, worker: &str, queue: &str, room: usize, lease: Duration, claims: &mut Claims) -> Result<()> {
    let until = later(db.now(), lease);
    let most = claims.jobs.len() + room;
    let mut keys = HashMap::new();
    let mut looks_at = room;
    for _ in 0..MOST_LOOKS {
        let rows = ready(db, queue, looks_at)?;
        let is_rest = rows.len() < looks_at;
        let (mut started, mut blocked) = (Vec::new(), Vec::new());
        let (mut left, mut has_all_keys) = (false, true);
        for row in rows {
            if claims.jobs.len() == most {
                break;
            }
            if let Some(key) = &row.lock_key {
                let state = match keys.get(key) {
                    Some(state) => *state,
                    None if keys.len() == MOST_KEYS => {
                        has_all_keys = false;
                        break;
                    }
                    None => key_state(db, key)?,
                };
                // If the job is the first, it runs from now on.
                keys.insert(key.clone(), if state == KeyState::Free { KeyState::Taken } else { state });
                match state {
                    KeyState::Free => {}
                    KeyState::Taken => {
                        blocked.push(row.id);
                        continue;
                    }
                    KeyState::Contended => {
                        left = true;
                        continue;
                    }
                }
            }
            started.push(row.id);
            claims.jobs.push(row.claimed(queue));
        }
        if !started.is_empty() {
            start(db, &started, worker, until)?;
        }
        if !blocked.is_empty() {
            diesel::update(job_queue::table.filter(job_queue::id.eq_any(blocked))).set(job_queue::state.eq(BLOCKED)).execute(db)?;
        }
        claims.is_contended |= left;
        if !has_all_keys {
            break;
        }
        if is_rest || left || claims.jobs.len() == most {
            return Ok(());
        }
        // The jobs that were looked at are blocked now.
        looks_at = room.max(BLOCKED_AT_ONCE);
    }
    claims.has_more = true;
    Ok(())
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

/// The state of a key, which decides whether a job with it may start. If it may not, it is blocked: the end of the other job makes it
/// ready, so that it is looked at only once, however many wait for the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyState {
    /// No job with the key runs, and no other process starts one before the end of the transaction.
    Free,
    /// A job with the key runs. Its end waits for the transaction, so that it sees the blocked jobs.
    Taken,
    /// Another process is starting or ending a job with the key.
    Contended,
}

fn key_state(db: &mut Db, key: &str) -> QueryResult<KeyState> {
    #[cfg(feature = "postgres")]
    if db.kind() == lback_db::Kind::Postgres {
        let lock =
            diesel::dsl::sql::<Bool>("pg_try_advisory_xact_lock(hashtext('lback_jobs_key'), hashtext(").bind::<Text, _>(key).sql("))");
        if !diesel::select(lock).get_result::<bool>(db)? {
            return Ok(KeyState::Contended);
        }
    }
    let running = job_queue::table.filter(job_queue::lock_key.eq(key)).filter(job_queue::state.eq(RUNNING)).select(job_queue::id);
    if running.first::<i64>(db).optional()?.is_none() {
        return Ok(KeyState::Free);
    }
    let locked: Option<i64> = running.for_update().skip_locked().first(db).optional()?;
    Ok(if locked.is_some() { KeyState::Taken } else { KeyState::Contended })
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
