//! The table `auth_attempts`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use lback_core::{Application, Result};
use lback_db::{Database, Db, on_each};

use crate::schema::auth_attempts as attempts;

/// After this time a count is halved, so that an address that many people share is not slowed down by what each of them mistypes now
/// and then.
const HALF_LIFE: TimeDelta = TimeDelta::hours(1);

/// After this time without another attempt the row is deleted.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// The interval at which expired rows are deleted.
pub(crate) const CLEAN_EVERY: Duration = Duration::from_secs(600);

/// One row, with the count that applies now.
pub(super) struct Count {
    pub(super) id: String,
    pub(super) attempts: u32,
    pub(super) blocked_until: DateTime<Utc>,
    /// Whether there was an attempt in the last day, even one that does not count any more.
    pub(super) is_recent: bool,
    /// The time from which the next halving is measured.
    since: DateTime<Utc>,
}

type Row = (String, i32, NaiveDateTime, NaiveDateTime);

impl Count {
    fn at((id, failures, blocked_until, forget_at): Row, now: DateTime<Utc>) -> Self {
        let stored = u32::try_from(failures).unwrap_or(0);
        let since = forget_at.and_utc() - REMEMBERED;
        let halvings = (now - since).num_seconds().max(0) / HALF_LIFE.num_seconds();
        let attempts = u32::try_from(halvings).ok().and_then(|halvings| stored.checked_shr(halvings)).unwrap_or(0);
        let since = if attempts == 0 { now } else { since + TimeDelta::seconds(halvings * HALF_LIFE.num_seconds()) };
        let is_recent = stored > 0 && forget_at.and_utc() > now;
        Count { id, attempts, blocked_until: blocked_until.and_utc(), is_recent, since }
    }
}

/// Returns the counts with these ids that exist.
pub(super) fn load(db: &mut Db, ids: &[&str], now: DateTime<Utc>) -> Result<Vec<Count>> {
    let found = attempts::table.filter(attempts::id.eq_any(ids));
    let rows: Vec<Row> = on_each!(db, db => found.load(db))?;
    Ok(rows.into_iter().map(|row| Count::at(row, now)).collect())
}

/// Returns the counts with these ids, creating those that are missing, and locks them until the transaction ends.
pub(super) fn lock(db: &mut Db, ids: &[&str], now: DateTime<Utc>) -> Result<Vec<Count>> {
    // In the same order everywhere, so that two transactions that lock several rows do not deadlock.
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    for id in &sorted {
        let row = (
            attempts::id.eq(id),
            attempts::failures.eq(0),
            attempts::blocked_until.eq(DateTime::UNIX_EPOCH.naive_utc()),
            attempts::forget_at.eq((now + REMEMBERED).naive_utc()),
        );
        on_each!(db, db => diesel::insert_into(attempts::table).values(row).on_conflict_do_nothing().execute(db))?;
    }
    let found = attempts::table.filter(attempts::id.eq_any(&sorted)).order(attempts::id);
    let rows: Vec<Row> = match db {
        // A transaction that writes is the only one.
        #[cfg(feature = "sqlite")]
        Db::Sqlite(db) => found.load(db)?,
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => found.for_update().load(db)?,
    };
    Ok(rows.into_iter().map(|row| Count::at(row, now)).collect())
}

pub(super) fn store(db: &mut Db, counts: &[Count]) -> Result<()> {
    for count in counts {
        let row = attempts::table.find(&count.id);
        let change = (
            attempts::failures.eq(i32::try_from(count.attempts).unwrap_or(i32::MAX)),
            attempts::blocked_until.eq(count.blocked_until.naive_utc()),
            attempts::forget_at.eq((count.since + REMEMBERED).naive_utc()),
        );
        on_each!(db, db => diesel::update(row).set(change).execute(db))?;
    }
    Ok(())
}

pub(super) fn remove<'a>(db: &mut Db, ids: impl Iterator<Item = &'a str>) -> Result<()> {
    let ids: Vec<&str> = ids.collect();
    on_each!(db, db => diesel::delete(attempts::table.filter(attempts::id.eq_any(ids))).execute(db))?;
    Ok(())
}

/// Deletes the counts of [rate limits](crate::RateLimit) and logins that have expired by `now`, and returns how many there were. The
/// server does this every ten minutes.
///
/// # Errors
/// Returns an error if the database fails.
pub fn clean_attempts(db: &mut Db, now: DateTime<Utc>) -> Result<usize> {
    let now = now.naive_utc();
    let expired = attempts::table.filter(attempts::forget_at.le(now)).filter(attempts::blocked_until.le(now));
    Ok(on_each!(db, db => diesel::delete(expired).execute(db))?)
}

/// Deletes expired counts: the background task.
pub(crate) async fn clean(app: Arc<Application>) -> Result<()> {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let now = app.clock().now();
    let deleted = database.run(move |db| clean_attempts(db, now)).await?;
    if deleted > 0 {
        tracing::debug!(target: "lback::auth", deleted, "deleted expired attempts");
    }
    Ok(())
}
