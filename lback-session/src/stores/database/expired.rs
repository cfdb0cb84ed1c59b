//! Deletes expired sessions, in steps that are too short to delay a request.

#[cfg(feature = "sqlite")]
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use lback_core::Result;
use lback_db::{Db, on_each};

#[cfg(feature = "sqlite")]
use super::rows::sessions;
use super::rows::{hour, micros, session_ends};
use crate::store::ENDED_FOR;

/// Maximum number of records of ended sessions that one step deletes: a few milliseconds of work.
const MOST_FORGOTTEN: i64 = 1_000;

/// Deletes the records of sessions that ended too long ago to matter.
fn forget_ends(db: &mut Db, now: DateTime<Utc>) -> Result<()> {
    let old = session_ends::table
        .filter(session_ends::ended_at.le(micros(now - ENDED_FOR)))
        .order(session_ends::ended_at)
        .limit(MOST_FORGOTTEN)
        .select((session_ends::id, session_ends::ended_at));
    let old: Vec<(Vec<u8>, i64)> = on_each!(db, db => old.load(db))?;
    let Some((_, last)) = old.last() else { return Ok(()) };
    let forgotten = diesel::delete(session_ends::table.filter(session_ends::ended_at.le(*last)));
    on_each!(db, db => forgotten.execute(db))?;
    Ok(())
}

/// Returns the ids of up to `limit` expired sessions.
///
/// They are looked for without SQLite's write lock: most sessions of the hour that has begun have not expired yet, and the last step
/// reads all of them.
#[cfg(feature = "sqlite")]
pub(super) fn find(db: &mut Db, now: DateTime<Utc>, limit: u32) -> Result<Vec<Vec<u8>>> {
    let expired = sessions::table
        .filter(sessions::expiry_hour.le(hour(now)))
        .filter(sessions::expires_at.le(micros(now)))
        .select(sessions::id)
        .limit(i64::from(limit));
    Ok(on_each!(db, db => expired.load(db))?)
}

/// The time for which a step keeps SQLite's write lock, without its commit. Another process that waits for the lock asks for it again
/// after 1, 3 and 8 milliseconds, and should find it free by then.
#[cfg(feature = "sqlite")]
const STEP: Duration = Duration::from_millis(4);
/// The number of rows between two looks at the clock.
#[cfg(feature = "sqlite")]
const ROWS: usize = 16;

/// Deletes sessions that were [found](find), unless they have been renewed, until the time of a step is over. Returns their number.
#[cfg(feature = "sqlite")]
pub(super) fn delete(db: &mut Db, ids: &[Vec<u8>], now: DateTime<Utc>) -> Result<u64> {
    let started = Instant::now();
    forget_ends(db, now)?;
    let mut deleted = 0;
    for some in ids.chunks(ROWS) {
        for id in some {
            let still_expired = sessions::table.find(id).filter(sessions::expires_at.le(micros(now)));
            deleted += on_each!(db, db => diesel::delete(still_expired).execute(db))? as u64;
        }
        if started.elapsed() >= STEP {
            break;
        }
    }
    Ok(deleted)
}

/// Deletes up to `limit` expired sessions of PostgreSQL. Returns their number.
#[cfg(feature = "postgres")]
pub(super) fn delete_in_postgres(db: &mut Db, now: DateTime<Utc>, limit: u32) -> Result<u64> {
    use diesel::sql_types::BigInt;

    forget_ends(db, now)?;
    // A row that another process has locked is being deleted or renewed there.
    let expired = diesel::sql_query(
        "DELETE FROM sessions WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM sessions WHERE expiry_hour <= $1 AND expires_at <= $2 LIMIT $3 FOR UPDATE SKIP LOCKED))",
    );
    let expired = expired.bind::<BigInt, _>(hour(now)).bind::<BigInt, _>(micros(now)).bind::<BigInt, _>(i64::from(limit));
    Ok(expired.execute(db)? as u64)
}
