//! Writes the rows of a plan, or tries them.

use std::collections::HashMap;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, Request, Result, StatusCode};
use lback_db::{Db, RequestDb, is_unavailable};
use lback_forms::FormErrors;
use lback_models::{Auto, List, Value};
use serde_json::Value as Json;

use super::plan::{CHUNK, Planned};
use super::problems::Problems;
use crate::history::{Recorder, RowState, state_of};
use crate::language::{text, within_sentence};
use crate::saving::{self, in_savepoint};
use crate::site::Registered;

/// The numbers of rows that were written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) added: usize,
    pub(super) changed: usize,
}

/// Writes rows in one transaction. It is rolled back if there are problems, or if there is no recorder because the rows are only tried.
///
/// # Errors
/// Returns an error if the database fails for a reason that is not in the file.
pub(super) fn write(
    req: &mut Request,
    model: &Registered,
    list: &List,
    rows: &[Planned],
    recorder: Option<&Recorder>,
    problems: &mut Problems,
) -> Result<Written> {
    let mut written = Written::default();
    let mut is_rolled_back = false;
    let result = in_savepoint(req, |req| {
        for rows in rows.chunks(CHUNK) {
            let keys: Vec<Vec<Value>> = rows.iter().filter_map(|row| row.key.clone()).collect();
            let mut before: HashMap<_, _> = list.with_keys(req.db()?, &keys)?.into_iter().collect();
            for row in rows {
                let old = row.key.as_ref().map(|key| before.remove(&model.ops.key_text_of(key)));
                write_row(req, model, row, old, recorder, problems, &mut written)?;
            }
        }
        if recorder.is_some() && problems.is_empty() {
            return Ok(());
        }
        is_rolled_back = true;
        Err(DieselError::RollbackTransaction.into())
    });
    match result {
        Err(_) if is_rolled_back => Ok(written),
        result => result.map(|()| written),
    }
}

/// Writes a row. `old` is the row that it changes, if that still exists.
fn write_row(
    req: &mut Request,
    model: &Registered,
    planned: &Planned,
    old: Option<Option<Vec<Value>>>,
    recorder: Option<&Recorder>,
    problems: &mut Problems,
    written: &mut Written,
) -> Result<()> {
    let label = within_sentence(model.meta().label);
    let old = match old {
        Some(None) => {
            problems.add_at(planned.line, text!("This {model} has been deleted in the meantime.", model = label));
            return Ok(());
        }
        old => old.flatten(),
    };
    let mut row = match &old {
        Some(old) => old.clone(),
        None => model.ops.blank(req.now())?,
    };
    for (at, value) in &planned.values {
        if let Some(place) = row.get_mut(*at) {
            *place = value.clone();
        }
    }
    if !check(model, planned.line, &row, problems)? {
        return Ok(());
    }
    // A transaction of its own, so that the other rows are tried, too.
    let hooks = &model.options.hooks;
    let result = in_savepoint(req, |req| {
        let before = match (&old, recorder) {
            (Some(old), Some(_)) => {
                saving::lock_unchanged(req, model, old)?;
                Some(state_of(req.db()?, model.ops, old, false)?)
            }
            _ => None,
        };
        let row = hooks.before_save(req, model, row.clone(), old.as_deref())?;
        let db = req.db()?;
        let saved = if old.is_some() { model.ops.save(db, &row)? } else { model.ops.create(db, &row)? };
        if let Some(recorder) = recorder {
            let saved = hooks.after_save(req, model, saved, old.as_deref())?;
            let after = state_after(model, &saved, before.as_ref());
            recorder.record(req.db()?, model.ops, &saved, before, Some(after))?;
        }
        Ok(())
    });
    match result {
        Ok(()) if old.is_some() => written.changed += 1,
        Ok(()) => written.added += 1,
        Err(error) if saving::refusal(&error).is_some() => problems.add_at(planned.line, error.message()),
        Err(error) if error.status() == StatusCode::CONFLICT => {
            problems.add_at(planned.line, text!("This {model} has been changed or deleted in the meantime.", model = label));
        }
        Err(error) => explain(req.db()?, model, planned.line, &row, error, problems)?,
    }
    Ok(())
}

/// Returns the state of a row that was written. An import does not change the links of a row.
fn state_after(model: &Registered, row: &[Value], before: Option<&RowState>) -> RowState {
    let mut state = model.ops.row_to_json(row, false);
    for link in model.meta().many_to_many {
        let linked = before.and_then(|before| before.get(link.name)).cloned();
        state.insert(link.name.to_owned(), linked.unwrap_or_else(|| Json::Array(Vec::new())));
    }
    state
}

/// Returns whether a row is valid according to its model.
fn check(model: &Registered, line: u64, row: &[Value], problems: &mut Problems) -> Result<bool> {
    let mut row = row.to_vec();
    for (field, value) in model.meta().fields.iter().zip(&mut row) {
        if field.auto == Auto::Id && *value == Value::Null {
            *value = Value::Int(0);
        }
    }
    if let Err(error) = model.ops.check_values(row.clone()) {
        let causes: Vec<String> = error.causes().map(ToString::to_string).collect();
        problems.add_at(line, text!("The row has a value that its field cannot have: {cause}.", cause = causes.join(": ")));
        return Ok(false);
    }
    let mut errors = FormErrors::default();
    model.ops.clean(&row, &mut errors)?;
    let is_valid = errors.is_empty();
    add_errors(model, line, &errors, problems);
    Ok(is_valid)
}

/// Adds the errors of a row to those of the file.
fn add_errors(model: &Registered, line: u64, errors: &FormErrors, problems: &mut Problems) {
    if errors.is_empty() {
        return;
    }
    let before = problems.count();
    for field in model.meta().fields {
        for text in errors.of(field.name) {
            problems.add_to(line, field.label, text);
        }
    }
    for text in errors.of_form() {
        problems.add_at(line, text);
    }
    if problems.count() == before {
        problems.add_at(line, text!("The row is invalid."));
    }
}

/// Adds the reason why the database refused a row to the problems.
fn explain(db: &mut Db, model: &Registered, line: u64, row: &[Value], error: Error, problems: &mut Problems) -> Result<()> {
    if is_unavailable(&error) || error.find_source::<DieselError>().is_none() {
        return Err(error);
    }
    let mut errors = FormErrors::default();
    match model.ops.explain(db, row, error, &mut errors) {
        Ok(()) => add_errors(model, line, &errors, problems),
        Err(error) => problems.add_at(line, refusal(&error)),
    }
    Ok(())
}

/// Returns the reason why the database refused a row, for rules that the model does not explain.
fn refusal(error: &Error) -> String {
    match error.find_source::<DieselError>() {
        Some(DieselError::DatabaseError(kind, information)) => {
            let message = information.message();
            let rule = information.constraint_name().or_else(|| message.split_once("constraint failed: ").map(|(_, name)| name));
            match (kind, rule) {
                (DatabaseErrorKind::CheckViolation, Some(rule)) => text!("The row violates the rule “{rule}” of the database.", rule),
                (DatabaseErrorKind::NotNullViolation, _) => text!("A value is missing: {error}.", error = message),
                _ => text!("The database refuses the row: {error}.", error = message),
            }
        }
        _ => text!("The database cannot store a value of this row."),
    }
}
