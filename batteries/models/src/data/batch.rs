//! Rows of one model that are written together.

use std::collections::HashSet;

use diesel::connection::Connection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, Result};
use lback_db::Db;
use serde_json::{Map, Value as Json};

use super::json::one_line;
use super::load::{Missing, Postponed};
use super::models::DataModel;
use super::natural::text_of;
use super::references::{Lookups, existing_keys};
use super::statements::upsert;
use crate::{Auto, FieldMeta, ModelMeta, Value};

/// The most rows that are written by one statement.
const MOST_ROWS: usize = 100;

/// A value of a row.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Value(Value),
    /// A reference to the row of a model that has these fields.
    Named(&'static ModelMeta, Map<String, Json>),
}

impl Slot {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Slot::Value(Value::Null))
    }
}

/// Rows with the same fields.
pub(super) struct Batch {
    model: DataModel,
    /// The fields by which existing rows are found.
    unique: Vec<&'static FieldMeta>,
    rows: Vec<Row>,
    /// The values of the unique fields.
    keys: HashSet<String>,
}

struct Row {
    in_file: Postponed,
    /// The place of the row, for messages.
    shown: String,
    slots: Vec<Option<Slot>>,
    /// The first reference that is missing.
    missing: Option<String>,
    /// Whether the row cannot be written without it.
    is_blocked: bool,
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Written {
    /// The rows that are not complete.
    pub(super) waiting: Vec<Postponed>,
    /// Whether a row was written that was not there before, or was completed.
    pub(super) has_written: bool,
    /// The first reference that is missing.
    pub(super) why: Option<String>,
}

impl Batch {
    pub(super) fn new(model: DataModel, unique: Vec<&'static FieldMeta>) -> Self {
        Batch { model, unique, rows: Vec::new(), keys: HashSet::new() }
    }

    /// Returns whether a row can be written by the same statement as the others.
    pub(super) fn takes(&self, meta: &ModelMeta, unique: &[&'static FieldMeta], slots: &[Option<Slot>]) -> bool {
        let has_same_fields = |row: &Row| row.slots.iter().zip(slots).all(|(one, other)| one.is_some() == other.is_some());
        self.rows.len() < MOST_ROWS
            && self.model.meta.table == meta.table
            && self.unique.iter().map(|field| field.column).eq(unique.iter().map(|field| field.column))
            && self.rows.first().is_none_or(has_same_fields)
            // One statement changes a row once.
            && (self.unique.is_empty() || !self.keys.contains(&self.key(slots)))
    }

    pub(super) fn add(&mut self, in_file: Postponed, shown: String, slots: Vec<Option<Slot>>) {
        self.keys.insert(self.key(&slots));
        self.rows.push(Row { in_file, shown, slots, missing: None, is_blocked: false });
    }

    fn key(&self, slots: &[Option<Slot>]) -> String {
        let is_unique = |field: &FieldMeta| self.unique.iter().any(|unique| unique.column == field.column);
        let values = self.model.meta.fields.iter().zip(slots).filter(|(field, _)| is_unique(field));
        let texts = values.map(|(field, slot)| match slot {
            Some(Slot::Value(value)) => text_of(field, value),
            Some(Slot::Named(_, fields)) => Json::Object(fields.clone()).to_string(),
            None => String::new(),
        });
        texts.collect::<Vec<_>>().join(",")
    }

    /// Writes the rows whose references exist, and does with the others what `missing` says.
    pub(super) fn write(mut self, db: &mut Db, lookups: &mut Lookups, missing: Missing) -> Result<Written> {
        self.find_named(db, lookups, missing)?;
        if missing != Missing::Defer {
            self.find_missing(db, missing)?;
        }
        let mut written = Written::default();
        let mut ready = Vec::new();
        for row in self.rows {
            // Without its references, a row is written once.
            let writes = !row.is_blocked && (row.missing.is_none() || !row.in_file.is_written);
            if let Some(why) = &row.missing {
                written.why.get_or_insert_with(|| format!("{}: {why}", row.shown));
                let is_written = row.in_file.is_written || writes;
                written.waiting.push(Postponed { is_written, ..row.in_file });
            }
            if writes {
                written.has_written = true;
                ready.push(row);
            }
        }
        write(db, self.model, &self.unique, &ready)?;
        Ok(written)
    }

    /// Replaces the names of rows by their keys.
    fn find_named(&mut self, db: &mut Db, lookups: &mut Lookups, missing: Missing) -> Result<()> {
        for row in &mut self.rows {
            for (field, slot) in self.model.meta.fields.iter().zip(&mut row.slots) {
                let Some(Slot::Named(to, fields)) = slot else { continue };
                let refused = |message: String| Error::bad_request(format!("{}: the field {}: {message}", row.shown, field.name));
                match lookups.find(db, to, fields, &refused)? {
                    Some(key) => *slot = Some(Slot::Value(key)),
                    None => {
                        let name = one_line(&Json::Object(fields.clone()));
                        row.missing.get_or_insert_with(|| format!("the field {}: no row of {} is {name}", field.name, to.table));
                        match may_be_null(&self.unique, field, missing) {
                            true => *slot = Some(Slot::Value(Value::Null)),
                            false => row.is_blocked = true,
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks for the rows that others refer to.
    fn find_missing(&mut self, db: &mut Db, missing: Missing) -> Result<()> {
        let meta = self.model.meta;
        for (at, field) in meta.fields.iter().enumerate() {
            let Some(to) = field.references.map(|reference| (reference.model)()) else { continue };
            let value_of = |row: &Row| match row.slots.get(at) {
                Some(Some(Slot::Value(value))) if *value != Value::Null => Some(value.clone()),
                _ => None,
            };
            let existing = existing_keys(db, to, self.rows.iter().filter_map(value_of))?;
            let own_key = meta.fields.iter().position(|own| to.table == meta.table && to.primary_key == [own.column]);
            loop {
                // Rows of one statement may refer to each other.
                let own = |key: usize| {
                    self.rows.iter().filter(|row| !row.is_blocked).filter_map(move |row| Some(text_of(field, row.value(key)?)))
                };
                let own: HashSet<String> = own_key.into_iter().flat_map(own).collect();
                let mut has_changed = false;
                for row in self.rows.iter_mut().filter(|row| !row.is_blocked) {
                    let Some(text) = value_of(row).map(|value| text_of(field, &value)) else { continue };
                    if existing.contains(&text) || own.contains(&text) {
                        continue;
                    }
                    row.missing.get_or_insert_with(|| format!("the field {}: {} has no row {text}", field.name, to.table));
                    match may_be_null(&self.unique, field, missing) {
                        true => row.slots[at] = Some(Slot::Value(Value::Null)),
                        false => (row.is_blocked, has_changed) = (true, true),
                    }
                }
                if !has_changed || own_key.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Returns whether a row may be written without a reference, which is added later: only if the row can be found again.
fn may_be_null(unique: &[&'static FieldMeta], field: &FieldMeta, missing: Missing) -> bool {
    missing == Missing::Null && field.null && !unique.is_empty() && unique.iter().all(|unique| unique.column != field.column)
}

impl Row {
    fn value(&self, at: usize) -> Option<&Value> {
        match self.slots.get(at) {
            Some(Some(Slot::Value(value))) => Some(value),
            _ => None,
        }
    }
}

/// Writes rows that are complete.
fn write(db: &mut Db, model: DataModel, unique: &[&'static FieldMeta], rows: &[Row]) -> Result<()> {
    let meta = model.meta;
    let Some(first) = rows.first() else { return Ok(()) };
    let defaults = match meta.new_values {
        Some(new_values) => new_values()?.complete(db.now()),
        None => Vec::new(),
    };
    let is_given = |column: &str| meta.fields.iter().zip(&first.slots).any(|(field, slot)| field.column == column && slot.is_some());
    let default = |column: &str| defaults.iter().find(|(field, _)| field.column == column).map(|(_, value)| value);
    let columns: Vec<(usize, &'static FieldMeta)> =
        meta.fields.iter().enumerate().filter(|(_, field)| is_given(field.column) || default(field.column).is_some()).collect();
    let values = |row: &Row| -> Vec<Value> {
        columns.iter().map(|(at, field)| row.value(*at).or_else(|| default(field.column)).cloned().unwrap_or(Value::Null)).collect()
    };
    for row in rows {
        check(model, &columns, &values(row)).map_err(|error| Error::bad_request(format!("{}: {error}", row.shown)))?;
    }
    let is_unique = |column: &str| unique.iter().any(|unique| unique.column == column);
    let changed: Vec<&'static FieldMeta> = meta
        .fields
        .iter()
        .filter(|field| is_given(field.column) && !is_unique(field.column) && !meta.primary_key.contains(&field.column))
        .collect();
    let columns: Vec<&'static FieldMeta> = columns.iter().map(|(_, field)| *field).collect();
    let mut insert = |rows: &[Row]| {
        let values: Vec<Vec<Value>> = rows.iter().map(values).collect();
        db.transaction(|db| upsert(db, meta, &columns, &values, unique, &changed))
    };
    if insert(rows).is_ok() {
        return Ok(());
    }
    // One by one, to find the row that is refused.
    let mut refused: Option<Error> = None;
    for row in rows {
        if let Err(error) = insert(std::slice::from_ref(row)) {
            let is_reference = matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _));
            let error = Error::bad_request(format!("{}: {error}", row.shown)).with_source(error);
            if !is_reference {
                return Err(error);
            }
            refused.get_or_insert(error);
        }
    }
    refused.map_or(Ok(()), Err)
}

/// Checks that the model can be read from the values, if all of them are known.
fn check(model: DataModel, columns: &[(usize, &'static FieldMeta)], values: &[Value]) -> Result<()> {
    let Some(ops) = model.ops else { return Ok(()) };
    let of_field = |field: &FieldMeta| match columns.iter().position(|(_, column)| column.column == field.column) {
        Some(at) => values.get(at).cloned(),
        None => (field.auto == Auto::Id).then_some(Value::Int(0)),
    };
    match model.meta.fields.iter().map(of_field).collect::<Option<Vec<Value>>>() {
        Some(values) => ops.check_values(values),
        None => Ok(()),
    }
}
