//! Saves the rows with the row of the page.

use lback_core::{Error, Request, Result};
use lback_db::{Db, RequestDb};
use lback_forms::{Form, Values};
use lback_models::runtime::dependents;
use lback_models::{FieldMeta, ModelMeta, OnDelete, Value};

use super::super::edit::SEEN;
use super::super::inputs::{chosen_keys, input_value};
use super::super::row_errors::RowErrors;
use super::form::Input;
use super::number::largest;
use super::{InlineRow, InlineRows};
use crate::history::{Recorder, RowState, state_of};
use crate::language::{text, within_sentence};
use crate::names::Named;
use crate::saving::{self, Links, Old};
use crate::site::{Registered, Site};
use crate::stored_files::NewFile;

impl<'a> InlineRows<'a> {
    /// Returns the rows to save. Adds their errors to the form, and their new files to `files`.
    ///
    /// # Errors
    /// Returns an error if the form does not have the fields.
    pub(in crate::pages) fn planned(
        &self,
        req: &mut Request,
        site: &Site,
        given: &mut Values,
        form: &mut Form<Values>,
        files: &mut Vec<NewFile>,
    ) -> Result<Vec<Planned<'a>>> {
        for lost in std::iter::once(self).chain(&self.nested).filter(|rows| rows.has_lost) {
            let plural = within_sentence(lost.model.meta().plural);
            form.add_form_error(text!(
                "Since you opened this page, some {models} have been deleted, or cannot be changed any more. Check the others, and save again.",
                models = plural
            ));
        }
        self.planned_of(req, site, 0, given, form, files)
    }

    /// Returns the rows of a parent to save.
    fn planned_of(
        &self,
        req: &mut Request,
        site: &Site,
        parent: usize,
        given: &mut Values,
        form: &mut Form<Values>,
        files: &mut Vec<NewFile>,
    ) -> Result<Vec<Planned<'a>>> {
        let mut planned = Vec::new();
        let mut next_place = self.next_place(req, parent, given)?;
        for (at, row) in self.rows_of(parent) {
            let is_stale = row.can_change && row.state.is_some() && given.text(&row.name(SEEN)) != row.seen;
            if row.can_delete && given.is_checked(&row.name("_delete")) {
                if is_stale {
                    self.add_conflict(row, form);
                    continue;
                }
                if has_dependents(req, site, self.model, &row.values)? {
                    let label = self.model.meta().label;
                    form.add_form_error(text!(
                        "{model} \"{row}\" has other rows. Delete it on its own page, which shows them.",
                        model = label,
                        row = row.label
                    ));
                    continue;
                }
                let (row, prefix) = (row.values.clone(), row.prefix.clone());
                planned.push(Planned { model: self.model, row, links: Vec::new(), step: Step::Delete, prefix, nested: Vec::new() });
                continue;
            }
            if !row.can_change || (row.is_new() && !row.is_filled) {
                continue;
            }
            let mut values = row.values.clone();
            let mut links = Vec::new();
            for Input { named, seen, .. } in self.inputs.iter().filter(|input| row.changes(input.named)) {
                let name = row.name(named.name());
                match (*named, seen) {
                    (Named::Field(field), _) => {
                        if let Some(value) = input_value(field, &name, given, files)? {
                            values[position(self.model, field)] = value;
                        }
                    }
                    (Named::Link(link), Some(seen)) => {
                        let linked = row.linked(link);
                        let keys = chosen_keys(link, &name, given, linked, seen);
                        if keys.len() != linked.len() || !keys.iter().all(|key| linked.contains(key)) {
                            links.push((link, keys));
                        }
                    }
                    (Named::Link(_), None) => {}
                }
            }
            if let Some(place) = self.inline.position {
                let value = &mut values[position(self.model, place)];
                // The form does not have the places of rows if the user may not change them.
                let is_left_empty = if self.has(place.name) { *value == Value::Null } else { row.is_new() };
                if is_left_empty {
                    *value = Value::Int(next_place);
                    next_place = next_place.saturating_add(1).min(largest(place));
                }
            }
            let mut nested = Vec::new();
            for inline in &self.nested {
                nested.extend(inline.planned_of(req, site, at, given, form, files)?);
            }
            let step = match &row.state {
                Some(_) if values == row.values && links.is_empty() && nested.is_empty() => continue,
                Some(_) if values == row.values && links.is_empty() => Step::Keep,
                Some(_) if is_stale => {
                    self.add_conflict(row, form);
                    continue;
                }
                Some(state) => Step::Save { old: row.values.clone(), state: state.clone() },
                None => Step::Create(self.inline.field),
            };
            let row = Planned { model: self.model, row: values, links, step, prefix: row.prefix.clone(), nested };
            row.errors().clean(&row.row, form)?;
            planned.push(row);
        }
        self.check_number(req, parent, &planned, form)?;
        Ok(planned)
    }

    fn add_conflict(&self, row: &InlineRow, form: &mut Form<Values>) {
        // Saving again overwrites the values that the message is about.
        *form = std::mem::replace(form, Form::of([])).initial(&row.name(SEEN), row.seen.as_str());
        form.add_form_error(text!(
            "{model} \"{row}\" has been changed since you opened this page. Compare its current values with yours, and save again.",
            model = self.model.meta().label,
            row = row.label
        ));
    }
}

/// Returns whether other rows refer to a row, so that its deletion would affect them.
fn has_dependents(req: &mut Request, site: &Site, model: &Registered, row: &[Value]) -> Result<bool> {
    let mut models = site.all_models(req);
    models.retain(|meta| !is_own_relation(site, model.meta(), meta));
    let found = dependents(req.db()?, &models, model.meta(), &[row.to_vec()], 1)?;
    Ok(!(found.deleted.is_empty() && found.released.is_empty() && found.protected.is_empty()))
}

/// Returns whether `pairs` is the table of a relation of a model, and of no other, so that its rows are part of those of the model.
fn is_own_relation(site: &Site, meta: &ModelMeta, pairs: &ModelMeta) -> bool {
    let is_used = |other: &ModelMeta| other.many_to_many.iter().any(|link| (link.through)().table == pairs.table);
    let links = meta.many_to_many.iter().filter(|link| (link.through)().table == pairs.table);
    let is_plain = |field: &FieldMeta| field.references.is_none_or(|reference| reference.on_delete == OnDelete::Cascade);
    links.clone().count() == 1
        && links.clone().all(|link| (link.model)().table != meta.table)
        && pairs.fields.iter().all(is_plain)
        && site.find(pairs.table).is_none()
        && !site.models.iter().any(|other| other.meta().table != meta.table && is_used(other.meta()))
}

/// A row that is to be written, with those that refer to it.
pub(in crate::pages) struct Planned<'a> {
    model: &'a Registered,
    row: Vec<Value>,
    links: Vec<Links>,
    step: Step,
    prefix: String,
    nested: Vec<Planned<'a>>,
}

enum Step {
    Create(&'static FieldMeta),
    /// Saves a row that had these values and this state before.
    Save {
        old: Vec<Value>,
        state: RowState,
    },
    /// Leaves the row as it is. Only rows that refer to it are written.
    Keep,
    Delete,
}

impl<'a> Planned<'a> {
    pub(super) fn is_created(&self) -> bool {
        matches!(self.step, Step::Create(_))
    }

    pub(super) fn is_deleted(&self) -> bool {
        matches!(self.step, Step::Delete)
    }

    /// Writes the row, which refers to `parent`, and then those that refer to it. `current` is the row that is being written.
    ///
    /// # Errors
    /// Returns an error if the database or the code of the application refuses one of them.
    pub(in crate::pages) fn write<'p>(&'p self, req: &mut Request, parent: &Value, current: &mut Option<&'p Planned<'a>>) -> Result<()> {
        *current = Some(self);
        let saved = self.write_row(req, parent)?;
        let key = self.model.ops.key(&saved).into_iter().next().unwrap_or(Value::Null);
        self.nested.iter().try_for_each(|row| row.write(req, &key, current))
    }

    /// Writes the row, and returns it as it was stored.
    fn write_row(&self, req: &mut Request, parent: &Value) -> Result<Vec<Value>> {
        let ops = self.model.ops;
        match &self.step {
            Step::Delete => {
                saving::delete(req, self.model, &self.row, |req| {
                    saving::lock_unchanged(req, self.model, &self.row)?;
                    let recorder = Recorder::of(req)?;
                    let db = req.db()?;
                    let before = state_of(db, ops, &self.row, true)?;
                    ops.delete(db, &self.row)?;
                    recorder.record(db, ops, &self.row, Some(before), None)
                })?;
                Ok(self.row.clone())
            }
            Step::Keep => Ok(self.row.clone()),
            Step::Save { old, state } => saving::save(req, self.model, self.row.clone(), Some(Old { row: old, state }), &self.links),
            Step::Create(reference) => {
                let mut row = self.row.clone();
                row[position(self.model, reference)] = parent.clone();
                saving::save(req, self.model, row, None, &self.links)
            }
        }
    }

    /// Adds the reason why the row was refused to the form.
    ///
    /// # Errors
    /// Returns the error if the visitor cannot correct it.
    pub(in crate::pages) fn explain(&self, db: &mut Db, error: Error, form: &mut Form<Values>) -> Result<()> {
        self.errors().explain(db, &self.row, error, form)
    }

    fn errors(&self) -> RowErrors<'_> {
        RowErrors { model: self.model, prefix: &self.prefix, label: self.model.meta().label }
    }
}

fn position(model: &Registered, field: &FieldMeta) -> usize {
    // The fields are those of the model.
    model.meta().position(field.column).unwrap_or_default()
}
