//! Writes the history.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Days, Utc};
use diesel::prelude::*;
use lback_auth::RequestAuth;
use lback_core::{Error, Request, Result};
use lback_db::{Db, RequestDb};
use lback_models::{Json, Model, ModelOps, Value};

use super::{Change, ChangeKind, RowState, admin_history, state_of};
use crate::site::{Registered, Site};

/// Records the changes of a request, which are one batch, with its user.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    at: DateTime<Utc>,
    user: Option<(i64, String)>,
    address: Option<IpAddr>,
    batch: String,
    undoes: Option<String>,
}

impl Recorder {
    /// Returns the recorder of a request. The first call also deletes changes that are older than `ADMIN_HISTORY_DAYS`.
    ///
    /// # Errors
    /// Returns an error if the user cannot be read.
    pub(crate) fn of(req: &mut Request) -> Result<Self> {
        if let Some(known) = req.extensions().get::<Recorder>() {
            return Ok(known.clone());
        }
        let user = match (req.user()?, req.impersonator()?) {
            (Some(user), Some(superuser)) => Some((superuser.id, format!("{} as {}", superuser.username, user.username))),
            (user, _) => user.map(|user| (user.id, user.username.clone())),
        };
        let now = req.now();
        let days = Site::unadjusted(req)?.settings.admin_history_days;
        if let Some(before) = days.and_then(|days| now.checked_sub_days(Days::new(days.into()))) {
            delete_old(req.db()?, before)?;
        }
        let recorder = Recorder { at: now, user, address: req.client_addr(), batch: random()?, undoes: None };
        req.extensions_mut().insert(recorder.clone());
        Ok(recorder)
    }

    /// Returns the recorder of changes that undo a batch.
    pub(crate) fn undoing(self, batch: &str) -> Self {
        Recorder { undoes: Some(batch.to_owned()), ..self }
    }

    /// Records a row that was created, changed or deleted. A row that stayed as it was is left out.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) fn record(
        &self,
        db: &mut Db,
        ops: &dyn ModelOps,
        row: &[Value],
        before: Option<RowState>,
        after: Option<RowState>,
    ) -> Result<()> {
        let action = match (&before, &after) {
            (None, Some(_)) => ChangeKind::Create,
            (Some(_), None) => ChangeKind::Delete,
            (before, after) if before == after => return Ok(()),
            _ => ChangeKind::Change,
        };
        let change = Change {
            id: 0,
            at: self.at,
            user_id: self.user.as_ref().map(|(id, _)| *id),
            user_name: self.user.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
            address: self.address.map(|address| address.to_string()),
            batch: self.batch.clone(),
            undoes: self.undoes.clone(),
            action,
            model: ops.meta().table.to_owned(),
            row_key: ops.key_text(row),
            label: ops.label(row),
            before: before.map(Json),
            after: after.map(Json),
        };
        lback_models::ops::<Change>().create(db, &change.to_values()?).map(drop)
    }
}

/// Deletes changes that are too old, but only a limited number, so that the request does not take long.
fn delete_old(db: &mut Db, before: DateTime<Utc>) -> Result<()> {
    /// The maximum number of changes that are deleted at once.
    const MOST: i64 = 1000;
    let old = admin_history::table.filter(admin_history::at.lt(before)).order(admin_history::at).limit(MOST);
    let ids: Vec<i64> = old.select(admin_history::id).load(db)?;
    if !ids.is_empty() {
        diesel::delete(admin_history::table.filter(admin_history::id.eq_any(ids))).execute(db)?;
    }
    Ok(())
}

/// Returns 32 random hexadecimal digits.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal("the system has no random numbers").with_source(error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The states of rows before other code runs, whose changes are then recorded.
pub(crate) struct Watched {
    before: BTreeMap<String, (Vec<Value>, RowState)>,
}

impl Watched {
    /// Returns the states of rows.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) fn new(db: &mut Db, ops: &dyn ModelOps, rows: &[Vec<Value>]) -> Result<Self> {
        let mut before = BTreeMap::new();
        for row in rows {
            before.insert(ops.key_text(row), (row.clone(), state_of(db, ops, row, true)?));
        }
        Ok(Watched { before })
    }

    /// Records the changes of the rows since then.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) fn record(self, req: &mut Request, model: &Registered) -> Result<()> {
        let recorder = Recorder::of(req)?;
        let db = req.db()?;
        for (row, mut before) in self.before.into_values() {
            let now = model.ops.find(db, &model.ops.key(&row))?;
            let after = now.as_ref().map(|row| state_of(db, model.ops, row, false)).transpose()?;
            if after.is_some() {
                for field in model.meta().fields.iter().filter(|field| field.hidden) {
                    before.remove(field.name);
                }
            }
            recorder.record(db, model.ops, now.as_ref().unwrap_or(&row), Some(before), after)?;
        }
        Ok(())
    }
}
