//! The table `auth_attempts`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use lback_core::{Application, Result};
use lback_db::{Database, Db, on_each};

use crate::schema::auth_attempts as attempts;

/// After this time half of the failures are forgotten. So an address that many people share is not held up for ever by what
/// each of them mistypes now and then.
const HALF: TimeDelta = TimeDelta::hours(1);

/// After this time without another failure everything is forgotten.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// How often what is forgotten is deleted.
pub(crate) const CLEAN_EVERY: Duration = Duration::from_secs(600);

/// One row, as it counts now.
pub(crate) struct Counter {
    pub(crate) id: String,
    pub(crate) failures: u32,
    pub(crate) blocked_until: DateTime<Utc>,
    /// Was there any failure of late, be it that it does not count any more?
    pub(crate) failed: bool,
    /// Since when what counts is waiting to be halved.
    since: DateTime<Utc>,
}

type Row = (String, i32, NaiveDateTime, NaiveDateTime);

impl Counter {
    fn at((id, failures, blocked_until, forget_at): Row, now: DateTime<Utc>) -> Self {
        let before = u32::try_from(failures).unwrap_or(0);
        let since = forget_at.and_utc() - REMEMBERED;
        let halved = (now - since).num_seconds().max(0) / HALF.num_seconds();
        let failures = u32::try_from(halved).ok().and_then(|halved| before.checked_shr(halved)).unwrap_or(0);
        let since = if failures == 0 { now } else { since + TimeDelta::seconds(halved * HALF.num_seconds()) };
        let failed = before > 0 && forget_at.and_utc() > now;
        Counter { id, failures, blocked_until: blocked_until.and_utc(), failed, since }
    }
}

/// The counters of these ids, as far as there are any. Nothing is written.
pub(crate) fn look(db: &mut Db, ids: &[&str], now: DateTime<Utc>) -> Result<Vec<Counter>> {
    let found = attempts::table.filter(attempts::id.eq_any(ids));
    let rows: Vec<Row> = on_each!(db, db => found.load(db))?;
    Ok(rows.into_iter().map(|row| Counter::at(row, now)).collect())
}

/// The counters of these ids, which nobody else changes until the transaction ends. One that is not there yet is made.
pub(crate) fn lock(db: &mut Db, ids: &[&str], now: DateTime<Utc>) -> Result<Vec<Counter>> {
    // In one order everywhere, so that two that lock several do not wait for each other.
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
        // Nobody else writes while a transaction does.
        #[cfg(feature = "sqlite")]
        Db::Sqlite(db) => found.load(db)?,
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => found.for_update().load(db)?,
    };
    Ok(rows.into_iter().map(|row| Counter::at(row, now)).collect())
}

pub(crate) fn store(db: &mut Db, counters: &[Counter]) -> Result<()> {
    for counter in counters {
        let row = attempts::table.find(&counter.id);
        let change = (
            attempts::failures.eq(i32::try_from(counter.failures).unwrap_or(i32::MAX)),
            attempts::blocked_until.eq(counter.blocked_until.naive_utc()),
            attempts::forget_at.eq((counter.since + REMEMBERED).naive_utc()),
        );
        on_each!(db, db => diesel::update(row).set(change).execute(db))?;
    }
    Ok(())
}

pub(crate) fn remove<'a>(db: &mut Db, ids: impl Iterator<Item = &'a str>) -> Result<()> {
    let ids: Vec<&str> = ids.collect();
    on_each!(db, db => diesel::delete(attempts::table.filter(attempts::id.eq_any(ids))).execute(db))?;
    Ok(())
}

/// Deletes failed attempts to log in that are forgotten by `now`. Answers how many rows. The server does so by itself.
///
/// # Errors
/// Those of the database.
pub fn clean_attempts(db: &mut Db, now: DateTime<Utc>) -> Result<usize> {
    let now = now.naive_utc();
    let forgotten = attempts::table.filter(attempts::forget_at.le(now)).filter(attempts::blocked_until.le(now));
    Ok(on_each!(db, db => diesel::delete(forgotten).execute(db))?)
}

/// Deletes failed attempts that are a day old.
pub(crate) async fn clean(app: Arc<Application>) -> Result<()> {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let now = app.clock().now();
    let deleted = database.run(move |db| clean_attempts(db, now)).await?;
    if deleted > 0 {
        tracing::debug!(target: "lback::auth", deleted, "old failed logins were forgotten");
    }
    Ok(())
}
