//! Undoes changes.

use diesel::prelude::*;
use lback_auth::User;
use lback_core::{Error, Request, Result, StatusCode};
use lback_db::{Db, RequestDb};
use lback_models::runtime::dependents;
use lback_models::{ManyToManyMeta, Model, ModelMeta, ModelOps, Value};
use serde_json::Value as Json;

use super::{Change, ChangeKind, Recorder, RowState, admin_history, state_of, users};
use crate::access::{self, Right, has, has_for, rows};
use crate::language::{text, within_sentence};
use crate::shown::label_of;
use crate::site::{Registered, Site};

/// Undoes all changes of a batch, in one transaction, and returns their number.
///
/// # Errors
/// Returns 404 if there is no such batch, 403 if the user lacks a right for one of its rows, and 409, with the reason, if a row
/// has been changed since.
pub(crate) fn undo(req: &mut Request, site: &Site, batch: &str) -> Result<usize> {
    let found = Change::query().filter(admin_history::batch.eq(batch)).order(admin_history::id.desc());
    let changes: Vec<Change> = found.load(req.db()?)?;
    if changes.is_empty() {
        return Err(Error::not_found(text!("This change is not in the history.")));
    }
    let undone: i64 = admin_history::table.filter(admin_history::undoes.eq(batch)).count().get_result(req.db()?)?;
    if undone > 0 {
        return Err(in_the_way(text!("This has been undone already.")));
    }
    let recorder = Recorder::of(req)?.undoing(batch);
    let models = site.all_models(req);
    for change in &changes {
        let model = site.model(&change.model)?;
        let key = model.ops.read_key(&change.row_key).ok_or_else(|| in_the_way(text!("The key of the model has changed since.")))?;
        let step = Step { model, change, key, recorder: &recorder, models: &models };
        match change.action {
            ChangeKind::Create => step.delete(req)?,
            ChangeKind::Change => step.change_back(req)?,
            ChangeKind::Delete => step.restore(req)?,
        }
    }
    Ok(changes.len())
}

/// Returns whether a batch has changes of users, groups or permissions.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) fn changes_rights(req: &mut Request, batch: &str) -> Result<bool> {
    let of_batch = admin_history::table.filter(admin_history::batch.eq(batch)).filter(admin_history::model.eq_any(access::RIGHTS));
    req.read_db(|db| Ok(diesel::select(diesel::dsl::exists(of_batch)).get_result(db)?))
}

#[track_caller]
fn in_the_way(message: impl Into<String>) -> Error {
    Error::new(StatusCode::CONFLICT, message)
}

/// Returns whether the user may undo changes of a model that need a right. Changes of users and groups could restore rights, which
/// only superusers may grant.
pub(crate) fn may_undo(req: &mut Request, model: &Registered, right: Right) -> Result<bool> {
    Ok(has(req, model, right)? && (!access::grants_rights(model.meta()) || access::decides_on_rights(req)?))
}

/// A change that is undone.
struct Step<'a> {
    model: &'a Registered,
    change: &'a Change,
    key: Vec<Value>,
    recorder: &'a Recorder,
    /// All models whose rows may refer to others.
    models: &'a [&'static ModelMeta],
}

impl Step<'_> {
    /// Returns the row as it is now, if the user has the right for it.
    fn current(&self, req: &mut Request, right: Right) -> Result<Vec<Value>> {
        self.require(req, right)?;
        let list = rows(req, self.model)?;
        // The label of a row that the user may not see is not revealed.
        let gone = || match self.model.options.rows {
            Some(_) => in_the_way(text!("There is no such {model} any more.", model = within_sentence(self.model.meta().label))),
            None => {
                in_the_way(text!("{model} \"{row}\" has been deleted since.", model = self.model.meta().label, row = self.change.label))
            }
        };
        let row = list.find(req.db()?, &self.key)?.ok_or_else(gone)?;
        self.permit(req, right, &row)?;
        // A change that another user makes at the same time comes before or after the undo.
        self.model.ops.lock(req.db()?, &row)?;
        let row = list.find(req.db()?, &self.key)?.ok_or_else(gone)?;
        self.permit(req, right, &row)?;
        Ok(row)
    }

    /// Returns an error unless the user has the right for the model, before an error can reveal anything about the row.
    fn require(&self, req: &mut Request, right: Right) -> Result<()> {
        if !may_undo(req, self.model, right)? { Err(self.lacking(right)) } else { Ok(()) }
    }

    fn permit(&self, req: &mut Request, right: Right, row: &[Value]) -> Result<()> {
        if has_for(req, self.model, right, row)? { Ok(()) } else { Err(self.lacking(right)) }
    }

    fn lacking(&self, right: Right) -> Error {
        let meta = self.model.meta();
        if access::grants_rights(meta) {
            return Error::forbidden(text!("Only superusers can undo changes of users and groups."));
        }
        Error::forbidden(text!("To undo this, you need the permission {permission}.", permission = right.permission(meta)))
    }

    fn changed_since(&self, what: &str) -> Error {
        in_the_way(text!(
            "{model} \"{row}\" has been changed since: {what}.",
            model = self.model.meta().label,
            row = self.change.label,
            what
        ))
    }

    fn delete(&self, req: &mut Request) -> Result<()> {
        let row = self.current(req, Right::Delete)?;
        let ops = self.model.ops;
        let now = state_of(req.db()?, ops, &row, false)?;
        if let Some(after) = &self.change.after
            && let Some(different) = first_difference(&now, after)
        {
            let label = match access::sees_field(req, self.model, different)? {
                true => label_in(self.model, different),
                false => text!("another field"),
            };
            return Err(self.changed_since(&label));
        }
        let db = req.db()?;
        let before = state_of(db, ops, &row, true)?;
        set_links(db, ops, &row, &RowState::new(), true)?;
        let affected = dependents(db, self.models, ops.meta(), std::slice::from_ref(&row), 1)?;
        if !affected.deleted.is_empty() || !affected.released.is_empty() {
            return Err(in_the_way(text!(
                "Other rows refer to {model} \"{row}\" now.",
                model = within_sentence(ops.meta().label),
                row = self.change.label
            )));
        }
        ops.delete(db, &row).map_err(|error| self.refused(error))?;
        self.recorder.record(db, ops, &row, Some(before), None)
    }

    fn change_back(&self, req: &mut Request) -> Result<()> {
        let row = self.current(req, Right::Change)?;
        if self.change.impersonation().is_some() {
            return Err(in_the_way(text!("This is not a change of a row.")));
        }
        let (Some(before), Some(after)) = (&self.change.before, &self.change.after) else { return Ok(()) };
        let ops = self.model.ops;
        for (name, _) in before.iter().filter(|(name, old)| after.get(*name) != Some(old) && !is_automatic(self.model, name)) {
            if !access::changes_field(req, self.model, name)? {
                return Err(Error::forbidden(text!("To undo this, you need the permission to change a field of it.")));
            }
        }
        let db = req.db()?;
        let now = state_of(db, ops, &row, false)?;
        // Restores only the fields that were changed.
        let mut wanted = RowState::new();
        for (name, old) in before.iter().filter(|(name, old)| after.get(*name) != Some(old) && !is_automatic(self.model, name)) {
            if now.get(name) != after.get(name) {
                return Err(self.changed_since(&label_in(self.model, name)));
            }
            wanted.insert(name.clone(), old.clone());
        }
        let saved = if ops.meta().table == User::META.table {
            users::change_back(db, row, &wanted)?
        } else {
            let row = ops.row_from_json(row, &wanted).map_err(in_the_way)?;
            ops.save(db, &row).map_err(|error| self.refused(error))?
        };
        set_links(db, ops, &saved, &wanted, false)?;
        let state = state_of(db, ops, &saved, false)?;
        self.recorder.record(db, ops, &saved, Some(now), Some(state))
    }

    fn restore(&self, req: &mut Request) -> Result<()> {
        self.require(req, Right::Add)?;
        let Some(before) = &self.change.before else { return Ok(()) };
        let (ops, meta) = (self.model.ops, self.model.meta());
        if ops.find(req.db()?, &self.key)?.is_some() {
            return Err(in_the_way(text!(
                "There is another {model} with the key {key}.",
                model = within_sentence(meta.label),
                key = self.change.row_key
            )));
        }
        // Fields that have been added to the model since get their defaults.
        let now = req.now();
        let blank = match meta.new_values {
            Some(_) => ops.blank(now)?,
            None => vec![Value::Null; meta.fields.len()],
        };
        let row = ops.row_from_json(blank, before).map_err(in_the_way)?;
        self.permit(req, Right::Add, &row)?;
        let db = req.db()?;
        ops.restore(db, &row).map_err(|error| self.refused(error))?;
        if meta.table == User::META.table {
            User::from_values(row.clone())?.reserve_name(db)?;
        }
        set_links(db, ops, &row, before, false)?;
        let state = state_of(db, ops, &row, false)?;
        self.recorder.record(db, ops, &row, None, Some(state))?;
        // The error rolls back the row.
        if rows(req, self.model)?.find(req.db()?, &self.key)?.is_some() { Ok(()) } else { Err(self.lacking(Right::Add)) }
    }

    /// Returns the error for the visitor if the database refuses a step.
    fn refused(&self, error: Error) -> Error {
        if error.is_client_error() || error.find_source::<diesel::result::Error>().is_none() {
            return error;
        }
        in_the_way(text!(
            "{model} \"{row}\" does not fit the other rows any more.",
            model = self.model.meta().label,
            row = self.change.label
        ))
        .with_source(error.to_string())
    }
}

/// Sets the relations that the state has. With `all`, also clears the relations that it does not have.
fn set_links(db: &mut Db, ops: &dyn ModelOps, row: &[Value], state: &RowState, all: bool) -> Result<()> {
    for link in ops.meta().many_to_many {
        match state.get(link.name) {
            Some(Json::Array(keys)) => ops.set_linked(db, link, row, &keys_of(link, keys))?,
            _ if all => ops.set_linked(db, link, row, &[])?,
            _ => {}
        }
    }
    Ok(())
}

/// Returns the keys of a relation, from JSON.
fn keys_of(link: &ManyToManyMeta, keys: &[Json]) -> Vec<Value> {
    let to = lback_models::runtime::ops_of((link.model)());
    let text = |key: &Json| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    keys.iter().filter_map(|key| to.read_key(&text(key))?.into_iter().next()).collect()
}

/// Returns whether Lback sets the field at every change.
fn is_automatic(model: &Registered, name: &str) -> bool {
    use lback_models::Auto;
    model.meta().field(name).is_some_and(|field| matches!(field.auto, Auto::Now | Auto::Version))
}

/// Returns the name of the first field that differs.
fn first_difference<'a>(now: &RowState, then: &'a RowState) -> Option<&'a str> {
    then.iter().find(|(name, value)| now.get(*name) != Some(value)).map(|(name, _)| name.as_str())
}

fn label_in(model: &Registered, name: &str) -> String {
    label_of(model.meta(), name).map_or_else(|| text!("another field"), str::to_owned)
}
