//! The history of rows: each change with its user, its time, and the row before and after.

mod impersonation;
mod record;
mod state;
mod undo;
mod users;

pub(crate) use impersonation::record_impersonation;
pub(crate) use record::{Recorder, Watched, random};
pub(crate) use state::{LinkedKeys, RowState, key_json, state_of};
pub(crate) use undo::{changes_rights, may_undo, undo};

use chrono::{DateTime, Utc};
use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::{Choices, Json, Model, WritableModel, ops};
use serde::Serialize;

use crate::sealed::Sealed;

/// The kind of a change.
#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[choice(crate = lback_models)]
pub enum ChangeKind {
    /// It was created.
    Create,
    /// It was changed.
    #[default]
    Change,
    /// It was deleted.
    Delete,
}

/// An entry of the history: one change of one row. No page of the admin changes or deletes entries.
#[derive(Model, Clone, Debug, Serialize)]
#[model(crate = lback_models, table = "admin_history", order = "-id", display = label, read_only, unmanaged)]
#[model(index(model, row_key, id), plural = "History", label = "Change")]
pub struct Change {
    /// The number.
    pub id: i64,
    /// The time of the change.
    #[model(index)]
    pub at: DateTime<Utc>,
    /// The user who made the change, if a user did. The user may have been deleted since.
    pub user_id: Option<i64>,
    /// The name of the user at that time.
    pub user_name: String,
    /// The address from which the request came.
    pub address: Option<String>,
    /// A random identifier that all changes of one request share.
    #[model(index)]
    pub batch: String,
    /// The batch that this change undoes.
    #[model(index)]
    pub undoes: Option<String>,
    /// The kind of the change.
    pub action: ChangeKind,
    /// The table of the row.
    pub model: String,
    /// The primary key of the row.
    pub row_key: String,
    /// The label of the row at that time.
    pub label: String,
    /// The row before the change. `None` if it was created.
    #[model(hidden)]
    pub before: Option<Json<RowState>>,
    /// The row after the change. `None` if it was deleted.
    #[model(hidden)]
    pub after: Option<Json<RowState>>,
}

/// Adds the history to [`Request`].
pub trait RequestHistory: Sealed {
    /// Adds a change that a view has made to the history, in the transaction of the request. `before` is the row as it was, or `None` if it
    /// was created; `after` is the row as it is, or `None` if it was deleted.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// use lback::admin::RequestHistory;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String, pub is_open: bool }
    ///
    /// fn close(req: &mut Request) -> Result<Response> {
    ///     let id = req.param("id")?;
    ///     let mut ticket = Ticket::find(req.db()?, id)?;
    ///     let before = ticket.clone();
    ///     ticket.is_open = false;
    ///     ticket.save(req.db()?)?;
    ///     req.record_change(Some(&before), Some(&ticket))?;
    ///     Ok(Response::redirect("/tickets"))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn record_change<M: WritableModel>(&mut self, before: Option<&M>, after: Option<&M>) -> Result<()>;
}

impl RequestHistory for Request {
    fn record_change<M: WritableModel>(&mut self, before: Option<&M>, after: Option<&M>) -> Result<()> {
        let (before, after) = (before.map(M::to_values).transpose()?, after.map(M::to_values).transpose()?);
        let recorder = Recorder::of(self)?;
        let state = |row: &Option<Vec<_>>| row.as_ref().map(|row| ops::<M>().row_to_json(row, after.is_none()));
        let states = (state(&before), state(&after));
        match after.as_ref().or(before.as_ref()) {
            Some(row) => recorder.record(self.db()?, ops::<M>(), row, states.0, states.1),
            None => Ok(()),
        }
    }
}
