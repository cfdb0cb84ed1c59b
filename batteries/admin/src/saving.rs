//! Writes and deletes rows, with the code that the application runs before and after, and records them.

use std::fmt;
use std::sync::Arc;

use diesel::Connection;
use diesel::connection::TransactionManager;
use diesel::result::Error as DieselError;
use lback_core::{Error, Request, Result, StatusCode};
use lback_db::{Db, RequestDb};
use lback_models::{Auto, ManyToManyMeta, Model, Value};

use crate::history::{Recorder, RowState, state_of};
use crate::language::text;
use crate::site::Registered;

type Row = Vec<Value>;
pub(crate) type BeforeSave = Arc<dyn Fn(&mut Request, Row, Option<&[Value]>) -> Result<Row> + Send + Sync>;
pub(crate) type AfterSave = Arc<dyn Fn(&mut Request, &[Value], Option<&[Value]>) -> Result<()> + Send + Sync>;
pub(crate) type OnDelete = Arc<dyn Fn(&mut Request, &[Value]) -> Result<()> + Send + Sync>;

/// The code of the application before and after a row of a model is written.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) before_save: Vec<BeforeSave>,
    pub(crate) after_save: Vec<AfterSave>,
    pub(crate) before_delete: Vec<OnDelete>,
    pub(crate) after_delete: Vec<OnDelete>,
}

impl Hooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.before_save.is_empty() && self.after_save.is_empty() && self.before_delete.is_empty() && self.after_delete.is_empty()
    }

    /// Returns the row as the code before a save leaves it.
    ///
    /// # Errors
    /// Returns the error of the code, which [`refusal`] recognizes if the visitor can correct it.
    pub(crate) fn before_save(&self, req: &mut Request, model: &Registered, row: Row, old: Option<&[Value]>) -> Result<Row> {
        let row = self.before_save.iter().try_fold(row, |row, run| run(req, row, old)).map_err(marked)?;
        // It would overwrite another row.
        if old.is_some_and(|old| model.ops.key(old) != model.ops.key(&row)) {
            return Err(Error::internal(format!("before_save has changed the primary key of a row of {}", model.meta().name)));
        }
        Ok(row)
    }

    /// Runs the code after a save. Returns the row, which it may have changed.
    ///
    /// # Errors
    /// Returns the error of the code, which [`refusal`] recognizes if the visitor can correct it.
    pub(crate) fn after_save(&self, req: &mut Request, model: &Registered, saved: Row, old: Option<&[Value]>) -> Result<Row> {
        if self.after_save.is_empty() {
            return Ok(saved);
        }
        for run in &self.after_save {
            run(req, &saved, old).map_err(marked)?;
        }
        Ok(model.ops.find(req.db()?, &model.ops.key(&saved))?.unwrap_or(saved))
    }
}

/// Returns the typed row. A new row has no number yet.
pub(crate) fn typed<M: Model>(row: &[Value]) -> Result<M> {
    let known = M::META.fields.iter().zip(row).map(|(field, value)| match (field.auto, value) {
        (Auto::Id, Value::Null) => Value::Int(0),
        (_, value) => value.clone(),
    });
    M::from_values(known.collect())
}

/// The mark of an error with which the code of the application refuses a row.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the code before or after a save or a deletion refused the row")
    }
}

impl std::error::Error for Refused {}

fn marked(error: Error) -> Error {
    if error.is_client_error() { error.with_source(Refused) } else { error }
}

/// Returns the message with which the code of the application refused a row.
pub(crate) fn refusal(error: &Error) -> Option<&str> {
    error.find_source::<Refused>().map(|_| error.message())
}

/// The row in the database before it is changed.
#[derive(Clone, Copy)]
pub(crate) struct Old<'a> {
    pub(crate) row: &'a [Value],
    pub(crate) state: &'a RowState,
}

/// The keys of the rows to which a row is to be linked by a relation.
pub(crate) type Links = (&'static ManyToManyMeta, Vec<Value>);

/// Writes a row and its links, runs the code of the application, and records the change. Returns the row as it was stored.
///
/// # Errors
/// Returns 409 if the row or its links are not the old ones any more, and an error if the database or the code of the application refuses it.
pub(crate) fn save(req: &mut Request, model: &Registered, row: Row, old: Option<Old<'_>>, links: &[Links]) -> Result<Row> {
    let (ops, hooks) = (model.ops, &model.options.hooks);
    let old_row = old.map(|old| old.row);
    if let Some(old) = old_row {
        lock_unchanged(req, model, old)?;
    }
    // Others who link the row lock it first.
    if let Some(old) = old.filter(|_| !links.is_empty())
        && state_of(req.db()?, ops, old.row, false)? != *old.state
    {
        return Err(changed());
    }
    let row = hooks.before_save(req, model, row, old_row)?;
    let db = req.db()?;
    let saved = if old.is_some() { ops.save(db, &row)? } else { ops.create(db, &row)? };
    for (link, keys) in links {
        ops.set_linked(db, link, &saved, keys)?;
    }
    let saved = hooks.after_save(req, model, saved, old_row)?;
    let after = state_of(req.db()?, ops, &saved, false)?;
    let recorder = Recorder::of(req)?;
    recorder.record(req.db()?, ops, &saved, old.map(|old| old.state.clone()), Some(after))?;
    Ok(saved)
}

/// Locks a row until the transaction ends.
///
/// # Errors
/// Returns 409 if the row has been changed or deleted since it was read.
pub(crate) fn lock_unchanged(req: &mut Request, model: &Registered, row: &[Value]) -> Result<()> {
    let now = model.ops.lock(req.db()?, row)?;
    if now.is_none_or(|now| model.ops.row_to_json(&now, true) != model.ops.row_to_json(row, true)) {
        return Err(changed());
    }
    Ok(())
}

fn changed() -> Error {
    Error::new(StatusCode::CONFLICT, text!("This has been changed or deleted in the meantime."))
}

/// Deletes a row with a function, and runs the code of the application before and after it.
///
/// # Errors
/// Returns the error of the function, and that of the code, which [`refusal`] recognizes if it is for the visitor.
pub(crate) fn delete(req: &mut Request, model: &Registered, row: &[Value], delete: impl FnOnce(&mut Request) -> Result<()>) -> Result<()> {
    let hooks = &model.options.hooks;
    for run in &hooks.before_delete {
        run(req, row).map_err(marked)?;
    }
    delete(req)?;
    for run in &hooks.after_delete {
        run(req, row).map_err(marked)?;
    }
    Ok(())
}

/// Runs work in a savepoint of the request's transaction, which is rolled back if the work fails.
///
/// # Errors
/// Returns the error of the work, and an error if the database fails.
pub(crate) fn in_savepoint<T>(req: &mut Request, work: impl FnOnce(&mut Request) -> Result<T>) -> Result<T> {
    type Transactions = <Db as Connection>::TransactionManager;
    Transactions::begin_transaction(req.db()?)?;
    match work(req) {
        Ok(done) => {
            Transactions::commit_transaction(req.db()?)?;
            Ok(done)
        }
        Err(error) => match Transactions::rollback_transaction(req.db()?) {
            Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
            Err(failed) => Err(failed.into()),
        },
    }
}
