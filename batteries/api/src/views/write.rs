//! Creates, changes and deletes rows.

use diesel::Connection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, Request, Response, Result, StatusCode};
use lback_db::{Db, RequestDb};
use lback_forms::FormErrors;
use lback_models::Value;
use lback_models::runtime::{missing_reference, within_sentence};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Endpoint;
use crate::hooks::check_key;
use crate::resource::Operation;
use crate::{input, version_tag};

type Row = Vec<Value>;

/// The characters to escape in the key of a row.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

pub(super) fn create(req: &mut Request, endpoint: &Endpoint) -> Result<Response> {
    let config = &endpoint.config;
    let selection = endpoint.selection(req)?;
    let blank = config.ops.blank(req.now())?;
    let row = input::read(req, config, Operation::Create, blank.clone(), &blank)?;
    check_sent_references(req, endpoint, &row, None)?;
    let saved = save(req, endpoint, row, None)?;
    let key = config.ops.key_text(&saved);
    let location = format!("{}/{}", req.path().trim_end_matches('/'), utf8_percent_encode(&key, KEY));
    endpoint.row_response(req, StatusCode::CREATED, &selection, saved)?.with_header("location", location)
}

pub(super) fn change(req: &mut Request, endpoint: &Endpoint) -> Result<Response> {
    let config = &endpoint.config;
    let selection = endpoint.selection(req)?;
    let old = locked(req, endpoint)?;
    let blank = config.ops.blank(req.now())?;
    let row = input::read(req, config, endpoint.operation, old.clone(), &blank)?;
    check_sent_references(req, endpoint, &row, Some(&old))?;
    let saved = save(req, endpoint, row, Some(&old))?;
    endpoint.row_response(req, StatusCode::OK, &selection, saved)
}

pub(super) fn delete(req: &mut Request, endpoint: &Endpoint) -> Result<Response> {
    let config = &endpoint.config;
    endpoint.selection(req)?;
    let row = locked(req, endpoint)?;
    config.hooks.before_delete(req, &row)?;
    config.ops.delete(req.db()?, &row).map_err(|error| refused(endpoint, error))?;
    config.hooks.after_delete(req, &row)?;
    Ok(Response::new(StatusCode::NO_CONTENT))
}

/// Returns the error of a deletion for the client.
fn refused(endpoint: &Endpoint, error: Error) -> Error {
    use DatabaseErrorKind::{ForeignKeyViolation, RestrictViolation};
    let is_referenced = match error.find_source::<DieselError>() {
        Some(DieselError::DatabaseError(ForeignKeyViolation | RestrictViolation, _)) => true,
        // SQLite restricts deletions by triggers, of which Diesel knows no kind.
        Some(DieselError::DatabaseError(_, information)) => information.message() == "FOREIGN KEY constraint failed",
        _ => false,
    };
    if !is_referenced {
        return error;
    }
    let message = format!("This {} cannot be deleted, because other rows refer to it.", within_sentence(endpoint.config.meta().label));
    Error::new(StatusCode::CONFLICT, message).with_code("referenced").with_source(error.to_string())
}

/// Returns the row that the path names, and locks it until the end of the transaction.
///
/// # Errors
/// Returns 404 if there is no such row, 412 if the client has read another version of it, and 428 if `If-Match` is required and missing.
fn locked(req: &mut Request, endpoint: &Endpoint) -> Result<Row> {
    let config = &endpoint.config;
    req.transaction()?;
    let (list, found) = endpoint.find(req)?;
    let db = req.db()?;
    let row = config.ops.lock(db, &found)?.ok_or_else(|| endpoint.not_found())?;
    if row != found && list.find(db, &config.ops.key(&row))?.is_none() {
        return Err(endpoint.not_found());
    }
    let tag = config.version_tag.and_then(|tag| tag.tag(&row));
    version_tag::check(req, tag.as_deref(), config.requires_if_match)?;
    Ok(row)
}

/// Validates and writes a row, and returns it as the database has it.
fn save(req: &mut Request, endpoint: &Endpoint, row: Row, old: Option<&[Value]>) -> Result<Row> {
    let (config, ops) = (&endpoint.config, endpoint.config.ops);
    let row = config.hooks.before_save(req, row, old)?;
    if let Some(old) = old {
        check_key(config.meta().name, &ops.key(old), &ops.key(&row))?;
    }
    check_references(endpoint, &row)?;
    let mut errors = FormErrors::default();
    ops.clean(&row, &mut errors)?;
    input::check(&errors)?;
    let db = req.db()?;
    // A savepoint, because PostgreSQL answers nothing more in a transaction after an error.
    let written = db.transaction(|db: &mut Db| if old.is_some() { ops.save(db, &row) } else { ops.create(db, &row) });
    let saved = match written {
        Ok(saved) => saved,
        Err(error) => {
            ops.explain(db, &row, error, &mut errors)?;
            return Err((&errors).into());
        }
    };
    config.hooks.after_save(req, &saved, old)?;
    let saved = match config.hooks.has_after_save() {
        true => ops.find(req.db()?, &ops.key(&saved))?.unwrap_or(saved),
        false => saved,
    };
    if config.hooks.queryset.is_some() {
        let list = config.rows(req)?;
        if list.find(req.db()?, &ops.key(&saved))?.is_none() {
            return Err(Error::forbidden("The row would not be one of those that you may see."));
        }
    }
    Ok(saved)
}

/// Checks that the client can see the rows to which the references that it has set lead. For the client, other rows do not exist.
///
/// # Errors
/// Returns 422 with an error for each other reference.
fn check_sent_references(req: &mut Request, endpoint: &Endpoint, row: &[Value], old: Option<&[Value]>) -> Result<()> {
    let mut errors = FormErrors::default();
    for (field, resource) in &endpoint.references {
        let Some(at) = endpoint.config.meta().position(field.column) else { continue };
        let key = &row[at];
        if *key == Value::Null || old.is_some_and(|old| old[at] == *key) {
            continue;
        }
        let list = resource.rows(req)?;
        if list.find(req.db()?, std::slice::from_ref(key))?.is_none() {
            errors.add(field.name, missing_reference(field));
        }
    }
    input::check(&errors)
}

/// Returns an error if a reference is missing that clients do not send.
fn check_references(endpoint: &Endpoint, row: &[Value]) -> Result<()> {
    let meta = endpoint.config.meta();
    let is_missing = |(field, value): &(&lback_models::FieldMeta, &Value)| {
        let is_sent = endpoint.config.writable.iter().any(|writable| writable.name == field.name);
        field.references.is_some() && !is_sent && **value == Value::Int(0)
    };
    match meta.fields.iter().zip(row).find(is_missing) {
        None => Ok(()),
        Some((field, _)) => Err(Error::internal(format!(
            "a new row of {} refers to no row: set {} in before_save, or add it to .writable([…])",
            meta.name, field.name
        ))),
    }
}
