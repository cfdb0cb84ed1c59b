//! The table `auth_attempts`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use lback_core::{Application, Result};
use lback_db::{Database, Db};
use tokio::sync::watch;

use crate::schema::{auth_attempts as attempts, on_each};

/// After this time without another failure everything is forgotten.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// How often what is forgotten is deleted.
const CLEAN_EVERY: Duration = Duration::from_secs(600);

/// One row.
pub(crate) struct Counter {
    pub(crate) id: String,
    pub(crate) failures: u32,
    pub(crate) blocked_until: DateTime<Utc>,
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
            attempts::blocked_until.eq(now.naive_utc()),
            attempts::forget_at.eq((now + REMEMBERED).naive_utc()),
        );
        on_each!(db, db => diesel::insert_into(attempts::table).values(row).on_conflict_do_nothing().execute(db))?;
    }
    let found = attempts::table.filter(attempts::id.eq_any(&sorted)).order(attempts::id);
    let rows: Vec<(String, i32, NaiveDateTime, NaiveDateTime)> = match db {
        // Nobody else writes while a transaction does.
        #[cfg(feature = "sqlite")]
        Db::Sqlite(db) => found.load(db)?,
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => found.for_update().load(db)?,
    };
    let counter = |(id, failures, blocked_until, forget_at): (String, i32, NaiveDateTime, NaiveDateTime)| match forget_at.and_utc() > now {
        true => Counter { id, failures: u32::try_from(failures).unwrap_or(0), blocked_until: blocked_until.and_utc() },
        false => Counter { id, failures: 0, blocked_until: now },
    };
    Ok(rows.into_iter().map(counter).collect())
}

pub(crate) fn store(db: &mut Db, counters: &[Counter], now: DateTime<Utc>) -> Result<()> {
    for counter in counters {
        let row = attempts::table.find(&counter.id);
        let change = (
            attempts::failures.eq(i32::try_from(counter.failures).unwrap_or(i32::MAX)),
            attempts::blocked_until.eq(counter.blocked_until.naive_utc()),
            attempts::forget_at.eq((counter.blocked_until.max(now) + REMEMBERED).naive_utc()),
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
    let forgotten = attempts::table.filter(attempts::forget_at.le(now.naive_utc()));
    Ok(on_each!(db, db => diesel::delete(forgotten).execute(db))?)
}

/// Deletes failed attempts that are a day old, from the start of the server until it stops.
pub async fn clean_regularly(app: Arc<Application>, mut stopping: watch::Receiver<bool>) {
    let Some(database) = app.state::<Database>() else { return };
    loop {
        let now = app.clock().now();
        match database.run(move |db| clean_attempts(db, now)).await {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(target: "lback::auth", deleted, "old failed logins were forgotten"),
            Err(error) => tracing::error!(target: "lback::auth", %error, "old failed logins cannot be deleted"),
        }
        tokio::select! {
            () = tokio::time::sleep(CLEAN_EVERY) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}
