//! Rows as JSON.

use serde_json::{Map, Value as Json};

use crate::data::{from_json, to_json};
use crate::{FieldMeta, ModelMeta, Value};

/// Returns the value of a field as JSON, in the format of `dumpdata`.
pub fn value_to_json(field: &FieldMeta, value: &Value) -> Json {
    to_json(field, value)
}

/// Returns the value of a field from JSON, in the format of `dumpdata`.
///
/// # Errors
/// Returns a message that says what the field needs.
pub fn value_from_json(field: &FieldMeta, json: Json) -> Result<Value, String> {
    from_json(field, json)
}

pub(super) fn row_to_json(meta: &'static ModelMeta, row: &[Value], hidden: bool) -> Map<String, Json> {
    let fields = meta.fields.iter().zip(row).filter(|(field, _)| hidden || !field.hidden);
    fields.map(|(field, value)| (field.name.to_owned(), to_json(field, value))).collect()
}

pub(super) fn row_from_json(meta: &'static ModelMeta, mut row: Vec<Value>, json: &Map<String, Json>) -> Result<Vec<Value>, String> {
    for (field, value) in meta.fields.iter().zip(&mut row) {
        if let Some(json) = json.get(field.name) {
            *value = from_json(field, json.clone()).map_err(|message| format!("{}: {message}", field.name))?;
        }
    }
    Ok(row)
}
