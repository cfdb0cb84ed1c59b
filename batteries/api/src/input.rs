//! Reads rows that clients send.

use lback_core::{Error, Request, Result};
use lback_forms::{Field, FormErrors};
use lback_models::runtime::{form_texts, value_from_json};
use lback_models::{FieldMeta, Kind, Value};
use serde_json::Value as Json;

use crate::resource::{Config, Operation, is_required};

/// The maximum number of errors for fields that cannot be written, so that the errors of a large body are not larger than the body.
const MOST_REFUSED: usize = 20;

/// Returns a row with the values that the client has sent. A row that is replaced gets those of `blank` for what was not sent.
///
/// # Errors
/// Returns 400 or 415 if the body is not JSON, and 422 with an error for each field that is not valid.
pub(crate) fn read(req: &Request, config: &Config, operation: Operation, mut row: Vec<Value>, blank: &[Value]) -> Result<Vec<Value>> {
    let Json::Object(mut body) = req.json()? else {
        let message = "Send a JSON object with the fields of the row.";
        return Err(Error::invalid(message).with_code("invalid").with_field("", message));
    };
    let mut errors = FormErrors::default();
    let is_refused = |name: &&String| !config.accepted(operation).any(|field| field.name == **name);
    for name in body.keys().filter(is_refused).take(MOST_REFUSED) {
        errors.add(name, refused(config, operation, name));
    }
    for field in config.accepted(operation) {
        let (Some(at), Some(rules)) = (config.meta().position(field.column), config.rules.get(field.name)) else { continue };
        match body.remove(field.name).map(|json| value_of(req, rules, field, json)) {
            Some(Ok(value)) => row[at] = value,
            Some(Err(message)) => errors.add(field.name, message),
            None if operation == Operation::Change => {}
            None if is_required(field) => errors.add(field.name, "This field is required."),
            None => row[at] = blank[at].clone(),
        }
    }
    check(&errors)?;
    Ok(row)
}

/// Returns an error with status 422 if there are errors.
pub(crate) fn check(errors: &FormErrors) -> Result<()> {
    if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
}

fn refused(config: &Config, operation: Operation, name: &str) -> String {
    let is_shown = config.fields.iter().chain(&config.writable).any(|field| field.name == name);
    if is_shown {
        return "This field cannot be written.".to_owned();
    }
    let names: Vec<&str> = config.accepted(operation).map(|field| field.name).collect();
    format!("There is no such field; the fields are {}.", names.join(", "))
}

/// Returns the value of a field that was sent, or the message for the client.
fn value_of(req: &Request, rules: &Field, field: &'static FieldMeta, json: Json) -> Result<Value, String> {
    match (field.kind, json) {
        (Kind::Json, Json::Null) if field.null => Ok(Value::Null),
        (Kind::Json, document) if has_null_character(&document) => Err("A text in this document contains a null character.".to_owned()),
        (Kind::Json, document) => Ok(Value::Json(document)),
        (Kind::Float | Kind::Double, Json::String(_)) => Err("Expected a number, found a text.".to_owned()),
        (_, json) => {
            let value = value_from_json(field, json).map_err(|message| sentence(&message))?;
            validated(req, rules, field, value)
        }
    }
}

/// Returns whether PostgreSQL cannot store a document.
fn has_null_character(document: &Json) -> bool {
    match document {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_null_character),
        Json::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_null_character(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Applies the rules that a form has for the field.
fn validated(req: &Request, rules: &Field, field: &'static FieldMeta, value: Value) -> Result<Value, String> {
    if matches!(value, Value::Null | Value::Bytes(_)) {
        return Ok(value);
    }
    let texts = rules.validate(req, form_texts(field, &value))?;
    Ok(match value {
        // As a form stores it.
        Value::Text(_) if texts.is_empty() && field.null => Value::Null,
        Value::Text(_) => Value::Text(texts.into_iter().next().unwrap_or_default()),
        value => value,
    })
}

fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
