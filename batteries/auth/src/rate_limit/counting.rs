//! Counting attempts, and refusing those that must wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Keys, Request, Result};
use lback_db::{Db, RequestDb};

use super::attempts::{self, Count};
use super::{RateLimit, Throttled};
use crate::auth::signature;

/// One of the counters of an attempt.
pub(super) struct Counter {
    pub(super) id: String,
    limit: RateLimit,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of an account from a network, or of something else that concerns one visitor.
    Own,
    /// Of an account as a whole.
    Account,
    /// Of a network, whatever the account.
    Network,
}

impl Counter {
    /// Identifies the counter by a digest, so that the table does not show addresses or names.
    pub(super) fn new(keys: &Keys, what: &str, limit: RateLimit, kind: Kind) -> Self {
        Counter { id: signature(keys, what), limit, kind }
    }
}

/// Counts an attempt, or refuses it if one of its counters has a delay.
///
/// The count holds even if the request's transaction is rolled back: otherwise a view that answers a refused attempt with an error
/// would allow any number of them. If `taken_back` is set by then, the attempt is not counted again.
pub(super) fn admit(req: &mut Request, counters: Vec<Counter>, taken_back: Option<Arc<AtomicBool>>) -> Result<Result<(), Throttled>> {
    let now = req.now();
    // A refusal costs one query and writes nothing. `count` looks again, with the rows locked.
    let found = req.read_db(|db| attempts::load(db, &ids(&counters), now))?;
    if let Err(throttled) = refuse(&counters, &found, now) {
        return Ok(Err(throttled));
    }
    let admitted = req.write_db(|db| count(db, &counters, now))?;
    let unit = req.db_session()?;
    if admitted.is_ok() && unit.is_open() {
        let database = unit.database().clone();
        unit.on_rollback(move || {
            if taken_back.is_some_and(|taken_back| taken_back.load(Ordering::Relaxed)) {
                return;
            }
            if let Err(error) = database.write(|db| count(db, &counters, now)) {
                tracing::error!(target: "lback::auth", %error, "an attempt cannot be counted");
            }
        });
    }
    Ok(admitted)
}

/// Counts an attempt with its rows locked, unless it must wait.
fn count(db: &mut Db, counters: &[Counter], now: DateTime<Utc>) -> Result<Result<(), Throttled>> {
    let mut counts = attempts::lock(db, &ids(counters), now)?;
    let refused = refuse(counters, &counts, now);
    if refused.is_ok() {
        for count in &mut counts {
            let Some(counter) = counters.iter().find(|counter| counter.id == count.id) else { continue };
            count.attempts = count.attempts.saturating_add(1);
            let delay = counter.limit.delay(count.attempts);
            // A free attempt leaves the time alone: another attempt may have begun earlier and be looked up later.
            if delay > TimeDelta::zero() {
                count.blocked_until = now + delay;
            }
        }
        attempts::store(db, &counts)?;
    }
    Ok(refused)
}

pub(super) fn ids(counters: &[Counter]) -> Vec<&str> {
    counters.iter().map(|counter| counter.id.as_str()).collect()
}

/// Returns the longest wait that the counters ask for as an error.
fn refuse(counters: &[Counter], counts: &[Count], now: DateTime<Utc>) -> Result<(), Throttled> {
    let count = |counter: &Counter| counts.iter().find(|count| count.id == counter.id);
    // The first counter is that of the address itself.
    let is_new_here = counters.first().and_then(count).is_none_or(|count| !count.is_recent);
    let applicable = counters.iter().filter(|counter| !(counter.kind == Kind::Account && is_new_here));
    let wait = applicable.filter_map(count).map(|count| count.blocked_until - now).max().unwrap_or_default();
    match wait.to_std() {
        Ok(wait) if !wait.is_zero() => Err(Throttled { wait }),
        _ => Ok(()),
    }
}
