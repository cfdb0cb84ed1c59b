//! Values as pages display them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lback_core::{Result, TimeZone};
use lback_db::Db;
use lback_models::runtime::{form_texts, ops_of};
use lback_models::{FieldMeta, Kind, List, ManyToManyMeta, ModelMeta, ModelOps, Value};
use serde::Serialize;
use serde_json::Value as Json;

use crate::language::text;

/// A cell of a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) url: Option<String>,
    /// The field of the form in which the value is changed.
    pub(crate) input: Option<String>,
    /// `true` if the cell leads to the row.
    pub(crate) leads: bool,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Cell { kind: "text", text: text.into(), url: None, input: None, leads: false }
    }

    /// Returns a cell that shows that there is nothing, if the text is empty.
    pub(crate) fn text_or_empty(text: &str) -> Self {
        Cell::of(if text.is_empty() { "empty" } else { "text" }, text)
    }

    fn of(kind: &'static str, text: impl Into<String>) -> Self {
        Cell { kind, text: text.into(), url: None, input: None, leads: false }
    }
}

/// The labels of rows, by the texts of their keys.
pub(crate) type Labels = BTreeMap<String, String>;

/// The longest text in a list, in characters.
const LONGEST: usize = 120;

/// Returns a value as a cell of a list.
pub(crate) fn cell(field: &FieldMeta, value: &Value, zone: TimeZone, labels: &Labels) -> Cell {
    match value {
        Value::Null => Cell::of("empty", ""),
        Value::Bool(true) => Cell::of("yes", text!("Yes")),
        Value::Bool(false) => Cell::of("no", text!("No")),
        Value::Text(text) if !field.choices.is_empty() => Cell::of("badge", choice(field, text)),
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) | Value::Timestamp(_) => Cell::of("date", text(field, value, zone)),
        Value::Int(_) | Value::Real(_) if field.references.is_none() && field.kind != Kind::Duration => {
            Cell::of("number", text(field, value, zone))
        }
        _ if is_number(field) => Cell::of("number", text(field, value, zone)),
        value if field.references.is_some() => {
            let key = text(field, value, zone);
            Cell::text(labels.get(&key).cloned().unwrap_or(key))
        }
        value => Cell::text(shortened(&text(field, value, zone))),
    }
}

pub(crate) fn is_number(field: &FieldMeta) -> bool {
    use Kind::{BigInt, Decimal, Double, Float, Integer, SmallInt};
    field.references.is_none() && matches!(field.kind, SmallInt | Integer | BigInt | Float | Double | Decimal)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

fn choice(field: &FieldMeta, text: &str) -> String {
    field.choices.iter().find(|(stored, _)| *stored == text).map_or(text, |(_, label)| label).to_owned()
}

/// Returns the value of a field of a row of a model.
pub(crate) fn value_of<'a>(meta: &ModelMeta, row: &'a [Value], field: &FieldMeta) -> &'a Value {
    let at = meta.position(field.column);
    at.and_then(|at| row.get(at)).unwrap_or(&Value::Null)
}

/// Returns a value as text, without the labels of references.
pub(crate) fn text(field: &FieldMeta, value: &Value, zone: TimeZone) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => {
            if *value {
                text!("Yes")
            } else {
                text!("No")
            }
        }
        Value::Text(text) if !field.choices.is_empty() => choice(field, text),
        Value::Timestamp(at) => zone.local(*at).format("%Y-%m-%d %H:%M").to_string(),
        Value::DateTime(at) => at.format("%Y-%m-%d %H:%M").to_string(),
        Value::Bytes(bytes) => text!("{count} bytes", count = bytes.len()),
        Value::Json(document) => document.to_string(),
        value => form_texts(field, value).into_iter().next().unwrap_or_default(),
    }
}

/// Returns the labels of the rows of a list with these keys.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) fn labels(db: &mut Db, list: &List, keys: Vec<Value>) -> Result<Labels> {
    let ops = ops_of(list.meta());
    Ok(rows_by_key(db, list, keys)?.into_iter().map(|(key, row)| (key, ops.label(&row))).collect())
}

/// Rows, by the texts of their keys.
pub(crate) type RowsByKey = BTreeMap<String, Vec<Value>>;

/// Returns the rows of a list with these keys, of which some may be NULL or equal.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) fn rows_by_key(db: &mut Db, list: &List, keys: Vec<Value>) -> Result<RowsByKey> {
    let ops = ops_of(list.meta());
    let keys = keys.into_iter().filter(|key| *key != Value::Null).map(|key| vec![key]);
    let different: BTreeMap<String, Vec<Value>> = keys.map(|key| (ops.key_text_of(&key), key)).collect();
    Ok(list.with_keys(db, &different.into_values().collect::<Vec<_>>())?.into_iter().collect())
}

/// Returns a value of the history as text. Unlike in a list, times have seconds, because values that differ should look different.
pub(crate) fn json_text(field: Option<&FieldMeta>, json: &Json, zone: TimeZone) -> String {
    match (json, field) {
        (Json::Null, _) => String::new(),
        (Json::Bool(value), _) => {
            if *value {
                text!("Yes")
            } else {
                text!("No")
            }
        }
        (Json::String(text), Some(field)) if !field.choices.is_empty() => choice(field, text),
        (Json::String(text), Some(field)) if field.kind == Kind::Timestamp => match text.parse::<DateTime<Utc>>() {
            Ok(at) => zone.local(at).format("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => text.clone(),
        },
        (Json::String(text), _) => text.clone(),
        (Json::Array(keys), None) => keys.iter().map(|key| json_text(None, key, zone)).collect::<Vec<_>>().join(", "),
        (other, _) => other.to_string(),
    }
}

/// Returns the label of a field or a relation. `None` if the model has no field or relation with this name any more.
pub(crate) fn label_of(meta: &ModelMeta, name: &str) -> Option<&'static str> {
    let link = || meta.many_to_many.iter().find(|link: &&ManyToManyMeta| link.name == name).map(|link| link.label);
    meta.field(name).map(|field| field.label).or_else(link)
}
