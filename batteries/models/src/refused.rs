//! Rows that the database refuses, explained at their fields.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, Result};
use lback_db::Db;
use lback_forms::FormErrors;

use crate::rows;
use crate::{FieldMeta, ModelMeta, Value};

/// Adds what the visitor can correct to the errors of a form, and returns `Ok` then; or returns the error.
pub(crate) fn explain(meta: &'static ModelMeta, db: &mut Db, values: &[Value], error: Error, errors: &mut FormErrors) -> Result<()> {
    let Some(DieselError::DatabaseError(kind, information)) = error.find_source::<DieselError>() else { return Err(error) };
    // A trigger may write to another table. SQLite names the table with the column.
    if information.table_name().is_some_and(|table| table != meta.table) {
        return Err(error);
    }
    match kind {
        DatabaseErrorKind::UniqueViolation => {
            let columns = columns(meta, &**information);
            let Some(last) = columns.last() else { return Err(error) };
            let labels: Vec<_> = columns.iter().map(|column| label(meta, column)).collect();
            errors.add(name(meta, last), format!("Another {} already has this {}.", within_sentence(meta.label), labels.join(" and ")));
        }
        DatabaseErrorKind::ForeignKeyViolation => {
            let missing = missing_references(meta, db, values)?;
            if missing.is_empty() {
                return Err(error);
            }
            for field in missing {
                errors.add(field.name, missing_reference(field));
            }
        }
        _ => return Err(error),
    }
    Ok(())
}

/// Returns the columns of the unique index that the row violates.
fn columns(meta: &'static ModelMeta, information: &(dyn DatabaseErrorInformation + Send + Sync)) -> Vec<&'static str> {
    // PostgreSQL: `Key (author_id, slug)=(1, first) already exists.` SQLite: `UNIQUE constraint failed: posts.author_id, posts.slug`.
    let named: Vec<String> = match information.details().and_then(|details| details.split_once('(')?.1.split_once(")=(")) {
        Some((columns, _)) => columns.split(',').map(|column| column.trim().trim_matches('"').to_owned()).collect(),
        None => {
            let message = information.message();
            let (_, columns) = message.split_once(": ").unwrap_or_default();
            columns.split(", ").filter_map(|column| Some(column.strip_prefix(meta.table)?.strip_prefix('.')?.to_owned())).collect()
        }
    };
    named.iter().filter_map(|column| meta.field_of_column(column)).map(|field| field.column).collect()
}

/// Returns the fields that refer to rows that do not exist.
fn missing_references(meta: &'static ModelMeta, db: &mut Db, values: &[Value]) -> Result<Vec<&'static FieldMeta>> {
    let mut missing = Vec::new();
    for (field, value) in meta.fields.iter().zip(values) {
        let Some(reference) = field.references.filter(|_| *value != Value::Null) else { continue };
        if !rows::exists((reference.model)(), db, std::slice::from_ref(value))? {
            missing.push(field);
        }
    }
    Ok(missing)
}

fn name(meta: &ModelMeta, column: &str) -> &'static str {
    meta.field_of_column(column).map_or("", |field| field.name)
}

fn label(meta: &ModelMeta, column: &str) -> String {
    within_sentence(meta.field_of_column(column).map_or("", |field| field.label))
}

/// Returns the message for a reference to a row that does not exist.
pub fn missing_reference(field: &FieldMeta) -> String {
    format!("The {} does not exist any more. Choose another.", within_sentence(field.label))
}

/// Returns a label as it stands within a sentence: `address` for `Address`, but `URL` for `URL`.
pub fn within_sentence(label: &str) -> String {
    let mut letters = label.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain([second]).chain(letters).collect(),
        _ => label.to_owned(),
    }
}
