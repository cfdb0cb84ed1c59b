//! The times at which tokens were last used.
//!
//! A request only records in memory that it has used a token. A background task writes the times, so that a request that only reads does
//! not wait for the writes of others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use lback_core::{Application, Result};
use lback_db::{Database, Db};

use super::Token;
use super::auth_tokens as tokens;
use crate::Auth;

/// The interval at which the times are written.
pub(crate) const SAVE_EVERY: Duration = Duration::from_secs(60);

/// The age of a stored time at which it is written again.
const PRECISION: TimeDelta = TimeDelta::minutes(10);

/// The uses of tokens that are not written yet, by the id of the token.
#[derive(Default)]
pub(crate) struct TokenUses(Mutex<BTreeMap<i64, DateTime<Utc>>>);

impl TokenUses {
    /// Records that a request has used a token.
    pub(super) fn record(&self, token: &Token, now: DateTime<Utc>) {
        let is_known = token.last_used_at.is_some_and(|last| now - last < PRECISION);
        if !is_known {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.id, now);
        }
    }

    fn take(&self) -> BTreeMap<i64, DateTime<Utc>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Auth {
    /// Writes the times at which API tokens were last used, and returns their number. The server does this every minute. The time of a
    /// token is written at most once in ten minutes.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn save_token_uses(&self, db: &mut Db) -> Result<usize> {
        let uses = self.token_uses().map(TokenUses::take).unwrap_or_default();
        for (id, at) in &uses {
            diesel::update(tokens::table.find(*id)).set(tokens::last_used_at.eq(*at)).execute(db)?;
        }
        Ok(uses.len())
    }
}

/// Writes the times: the background task.
pub(crate) async fn save(app: Arc<Application>) -> Result<()> {
    let (Some(auth), Some(database)) = (app.state::<Auth>().cloned(), app.state::<Database>().cloned()) else { return Ok(()) };
    if auth.token_uses().is_none_or(TokenUses::is_empty) {
        return Ok(());
    }
    database.run_write(move |db| auth.save_token_uses(db)).await.map(drop)
}
