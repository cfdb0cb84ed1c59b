//! Loads files of rows: inserts rows, and updates those that exist.
//!
//! Rows may come in any order. A row that refers to one that does not exist yet is postponed, and the file is read again for it. If rows
//! refer to each other in a circle, they are first written without those references that may be NULL.

use std::collections::BTreeMap;
use std::path::PathBuf;

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback_core::settings::nearest;
use lback_core::{Error, Result};
use lback_db::Db;

use super::batch::{Batch, Slot};
use super::json::from_json;
use super::models::{DataModel, DataModels};
use super::natural::unique_fields;
use super::read::{FileRow, Rows, read};
use super::references::Lookups;
use super::statements::{key_fields, number, number_after_last};
use crate::{FieldMeta, ModelMeta};

/// A file of rows.
#[derive(Clone, Debug)]
pub(super) struct RowFile {
    pub(super) path: PathBuf,
    /// The path for messages.
    pub(super) shown: String,
}

/// How a row whose reference is missing is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is postponed.
    Postpone,
    /// It is written with NULL if the reference may be NULL, and postponed.
    Null,
    /// It is written as it is. The database checks references at the end, if it can.
    Defer,
}

/// A row that is not complete in the database yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Postponed {
    pub(super) file: usize,
    pub(super) place: u64,
    /// Whether it is in the database without some of its references.
    pub(super) is_written: bool,
}

/// Loads the files in one transaction, and returns the number of rows of each table.
///
/// # Errors
/// Returns an error that names the file, its line, the row and the field, if a row is invalid or the database refuses it. Nothing was
/// changed then.
pub(super) fn load(db: &mut Db, models: &DataModels, files: &[RowFile]) -> Result<BTreeMap<&'static str, u64>> {
    db.transaction(|db| {
        let mut counts = BTreeMap::new();
        let mut waiting = pass(db, models, files, Missing::Postpone, None, Some(&mut counts))?.waiting;
        while !waiting.is_empty() {
            let with_null = pass(db, models, files, Missing::Null, Some(&waiting), None)?;
            let complete = pass(db, models, files, Missing::Postpone, Some(&with_null.waiting), None)?;
            waiting = complete.waiting;
            if !(with_null.has_written || complete.has_written) {
                last_rows(db, models, files, &waiting, complete.why)?;
                break;
            }
        }
        for table in counts.keys() {
            if let Some(model) = models.table(table) {
                number_after_last(db, model.meta)?;
            }
        }
        Ok(counts)
    })
}

/// Writes the rows that cannot be postponed any longer: they refer to each other, or to rows that do not exist.
fn last_rows(db: &mut Db, models: &DataModels, files: &[RowFile], waiting: &[Postponed], why: Option<String>) -> Result<()> {
    let missing = || Error::bad_request(why.clone().unwrap_or_else(|| "a row refers to one that does not exist".to_owned()));
    db.batch_execute(if db.kind().is_server() { "SET CONSTRAINTS ALL DEFERRED" } else { "PRAGMA defer_foreign_keys = ON" })?;
    let is_reference = |error: &Error| {
        let source = error.find_source::<DieselError>();
        source.is_some_and(|source| matches!(source, DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)))
    };
    match pass(db, models, files, Missing::Defer, Some(waiting), None) {
        Ok(written) if written.waiting.is_empty() => {}
        Err(error) if !is_reference(&error) => return Err(error),
        _ => return Err(missing()),
    }
    match pass(db, models, files, Missing::Postpone, Some(waiting), None)?.waiting.is_empty() {
        true => Ok(()),
        false => Err(missing()),
    }
}

/// What one reading of the files has left.
struct Passed {
    waiting: Vec<Postponed>,
    has_written: bool,
    /// The reference that is missing in the first of the rows that wait.
    why: Option<String>,
}

fn pass(
    db: &mut Db,
    models: &DataModels,
    files: &[RowFile],
    missing: Missing,
    only: Option<&[Postponed]>,
    counts: Option<&mut BTreeMap<&'static str, u64>>,
) -> Result<Passed> {
    let mut pass = Pass {
        db,
        models,
        missing,
        files,
        file: 0,
        only,
        counts,
        batch: None,
        lookups: Lookups::default(),
        passed: Passed { waiting: Vec::new(), has_written: false, why: None },
    };
    for (number, file) in files.iter().enumerate() {
        if only.is_none_or(|only| only.iter().any(|row| row.file == number)) {
            pass.file = number;
            read(&file.path, &file.shown, &mut pass)?;
            pass.flush()?;
        }
    }
    Ok(pass.passed)
}

struct Pass<'a> {
    db: &'a mut Db,
    models: &'a DataModels,
    missing: Missing,
    files: &'a [RowFile],
    file: usize,
    /// The rows that are read; all if it is `None`.
    only: Option<&'a [Postponed]>,
    counts: Option<&'a mut BTreeMap<&'static str, u64>>,
    batch: Option<Batch>,
    lookups: Lookups,
    passed: Passed,
}

impl Pass<'_> {
    fn shown(&self) -> &str {
        self.files.get(self.file).map_or("", |file| &file.shown)
    }

    fn flush(&mut self) -> Result<()> {
        let Some(batch) = self.batch.take() else { return Ok(()) };
        let written = batch.write(self.db, &mut self.lookups, self.missing)?;
        self.passed.has_written |= written.has_written;
        self.passed.waiting.extend(written.waiting);
        self.passed.why = self.passed.why.take().or(written.why);
        Ok(())
    }

    /// Returns the row at a place among those that are read.
    fn postponed(&self, place: u64) -> Option<&Postponed> {
        let only = self.only?;
        only.binary_search_by_key(&(self.file, place), |row| (row.file, row.place)).ok().and_then(|at| only.get(at))
    }
}

impl Rows for Pass<'_> {
    fn wants(&mut self, place: u64) -> bool {
        self.only.is_none() || self.postponed(place).is_some()
    }

    fn table(&mut self, table: &str, line: u64) -> Result<()> {
        match self.models.table(table) {
            Some(_) => Ok(()),
            None => Err(Error::bad_request(format!("{}:{line}: {}", self.shown(), self.models.unknown(table, "table of a model")))),
        }
    }

    fn row(&mut self, table: &str, row: FileRow) -> Result<()> {
        let Some(model) = self.models.table(table) else { return Ok(()) };
        let shown = format!("{}:{}: {table}, row {}", self.shown(), row.line, row.number);
        let is_written = self.postponed(row.place).is_some_and(|row| row.is_written);
        let row_in_file = Postponed { file: self.file, place: row.place, is_written };
        let refused = |message: String| Error::bad_request(format!("{shown}: {message}"));
        let slots = slots(model.meta, row).map_err(refused)?;
        let unique = found_by(model.meta, &slots).map_err(refused)?;
        check_complete(model, &slots).map_err(refused)?;
        if let Some(counts) = &mut self.counts {
            *counts.entry(model.meta.table).or_default() += 1;
        }
        if self.batch.as_ref().is_some_and(|batch| !batch.takes(model.meta, &unique, &slots)) {
            self.flush()?;
        }
        let batch = self.batch.get_or_insert_with(|| Batch::new(model, unique));
        batch.add(row_in_file, shown, slots);
        Ok(())
    }
}

/// Returns the values of a row, in the order of the model's fields; `None` for those that it does not have.
fn slots(meta: &'static ModelMeta, row: FileRow) -> Result<Vec<Option<Slot>>, String> {
    let mut slots: Vec<Option<Slot>> = meta.fields.iter().map(|_| None).collect();
    for (name, json) in row.fields {
        let Some(at) = meta.fields.iter().position(|field| field.name == name) else { return Err(unknown_field(meta, &name)) };
        let field = &meta.fields[at];
        let slot = match (field.references, json) {
            (Some(reference), serde_json::Value::Object(fields)) => Slot::Named((reference.model)(), fields),
            (_, json) => Slot::Value(from_json(field, json).map_err(|message| format!("the field {name}: {message}"))?),
        };
        slots[at] = Some(slot);
    }
    Ok(slots)
}

pub(super) fn unknown_field(meta: &ModelMeta, name: &str) -> String {
    let names: Vec<&str> = meta.fields.iter().map(|field| field.name).collect();
    if let Some(pairs) = meta.many_to_many.iter().find(|pairs| pairs.name == name) {
        return format!("{name} is not a field of {}: its pairs are rows of {}", meta.name, (pairs.through)().table);
    }
    match nearest(name, &names) {
        Some(likely) => format!("{} has no field \"{name}\"; did you mean {likely}?", meta.name),
        None => format!("{} has no field \"{name}\"; its fields are {}", meta.name, names.join(", ")),
    }
}

/// Returns the fields by which the row is found if it exists already: the primary key, or other unique ones. Empty if there are none.
fn found_by(meta: &'static ModelMeta, slots: &[Option<Slot>]) -> Result<Vec<&'static FieldMeta>, String> {
    let key: Vec<_> = key_fields(meta).collect();
    if key.iter().all(|(at, _)| slots.get(*at).is_some_and(Option::is_some)) {
        return Ok(key.into_iter().map(|(_, field)| field).collect());
    }
    if number(meta).is_none() {
        let missing: Vec<&str> =
            key.iter().filter(|(at, _)| !slots.get(*at).is_some_and(Option::is_some)).map(|(_, field)| field.name).collect();
        return Err(format!("the primary key is missing: {}", missing.join(", ")));
    }
    let has = |field: &&'static FieldMeta| {
        let at = meta.position(field.column);
        at.and_then(|at| slots.get(at)?.as_ref()).is_some_and(|slot| !slot.is_null())
    };
    Ok(unique_fields(meta).find(|fields| fields.iter().all(has)).unwrap_or_default())
}

/// Checks that the row has the fields for which there is no other value.
fn check_complete(model: DataModel, slots: &[Option<Slot>]) -> Result<(), String> {
    let meta = model.meta;
    let is_needed = |field: &FieldMeta| {
        let has_none = meta.new_values.is_none() || field.references.is_some();
        has_none && !field.null && field.default.is_none() && field.auto == crate::Auto::No
    };
    match meta.fields.iter().zip(slots).find(|(field, slot)| slot.is_none() && is_needed(field)) {
        None => Ok(()),
        Some((field, _)) => Err(format!("the field {} is missing", field.name)),
    }
}
