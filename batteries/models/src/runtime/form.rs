//! Fields of forms for the fields of a model whose type is not known.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use lback_core::{Result, UploadedFile};
use lback_forms::{Field, FieldKind, FieldType, Values};

use crate::data::{duration_from_text, duration_text};
use crate::form::{link_field, with_rules};
use crate::{FieldMeta, Kind, ManyToManyMeta, Value};

/// Returns the field of a form, with the rules, the label and the choices of the model's field.
pub fn form_field(meta: &'static FieldMeta) -> Field {
    let name = meta.name;
    let field = match meta.kind {
        Kind::SmallInt => Field::of::<i16>(name),
        Kind::Integer => Field::of::<i32>(name),
        Kind::BigInt => Field::of::<i64>(name),
        Kind::Float => Field::of::<f32>(name),
        Kind::Double => Field::of::<f64>(name),
        // A checkbox has only the values yes and no.
        Kind::Bool if meta.null => Field::of::<String>(name).choices([("true", "Yes"), ("false", "No")]),
        Kind::Bool => Field::of::<bool>(name),
        Kind::Text => Field::of::<String>(name),
        Kind::Bytes => Field::of::<UploadedFile>(name).optional(),
        Kind::Date => Field::of::<NaiveDate>(name),
        Kind::Time => Field::of::<NaiveTime>(name),
        Kind::DateTime => Field::of::<NaiveDateTime>(name),
        Kind::Timestamp => Field::of::<DateTime<Utc>>(name),
        Kind::Duration => Field::of::<String>(name).clean(|text: String| match duration_from_text(text.trim()) {
            Some(_) => Ok(text),
            None => Err("Write a length of time, such as PT1H30M or P2D."),
        }),
        Kind::Uuid => Field::new(name, FieldKind::Uuid),
        Kind::Json => Field::of::<String>(name).textarea().clean(|text: String| match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(format!("This is not valid JSON: {error}.")),
        }),
        Kind::Decimal => Field::new(name, FieldKind::Decimal),
    };
    let field = with_rules(field, meta);
    if meta.null { field.optional() } else { field }
}

/// Returns the field of a form for a many-to-many relation.
pub fn link_form_field(link: &'static ManyToManyMeta) -> Field {
    link_field(Field::of::<String>(link.name).optional().multiple(), link)
}

/// Returns the value of a text that [`form_texts`] wrote. `None` if the field cannot be compared with it.
pub fn read_text(meta: &'static FieldMeta, text: &str) -> Option<Value> {
    crate::cursor::read(text.to_owned(), meta)
}

/// Returns the texts with which a form shows a value.
pub fn form_texts(meta: &FieldMeta, value: &Value) -> Vec<String> {
    match value {
        Value::Null | Value::Bytes(_) => Vec::new(),
        Value::Bool(value) => value.write(),
        Value::Int(number) if meta.kind == Kind::Duration => vec![duration_text(*number)],
        Value::Int(number) => number.write(),
        // As short as the precision of its column allows.
        Value::Real(number) if meta.kind == Kind::Float => (*number as f32).write(),
        Value::Real(number) => number.write(),
        Value::Text(text) => text.write(),
        Value::Date(day) => day.write(),
        Value::Time(time) => time.write(),
        Value::DateTime(time) => time.write(),
        Value::Timestamp(moment) => moment.write(),
        #[cfg(feature = "decimal")]
        Value::Decimal(number) => vec![number.to_string()],
        #[cfg(feature = "uuid")]
        Value::Uuid(uuid) => vec![uuid.to_string()],
        Value::Json(document) => vec![serde_json::to_string_pretty(document).unwrap_or_default()],
    }
}

/// Takes the value of a model's field from the valid values of a form, in which it has this name. Returns `None` if the field stays as it is: a file that was not chosen.
///
/// # Errors
/// Returns 500 if the form does not have [the field](form_field).
pub fn form_value(meta: &FieldMeta, name: &str, values: &mut Values) -> Result<Option<Value>> {
    let given = match meta.kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt => values.take::<Option<i64>>(name)?.map(Value::Int),
        Kind::Float => values.take::<Option<f32>>(name)?.map(|number| Value::Real(number.into())),
        Kind::Double => values.take::<Option<f64>>(name)?.map(Value::Real),
        Kind::Bool => values.take::<Option<bool>>(name)?.or((!meta.null).then_some(false)).map(Value::Bool),
        Kind::Bytes => match values.take::<Option<UploadedFile>>(name)? {
            Some(file) => Some(Value::Bytes(file.bytes()?)),
            None => return Ok(None),
        },
        Kind::Text => {
            let text = values.take::<Option<String>>(name)?;
            text.or((!meta.null).then(String::new)).map(Value::Text)
        }
        Kind::Date => values.take::<Option<NaiveDate>>(name)?.map(Value::Date),
        Kind::Time => values.take::<Option<NaiveTime>>(name)?.map(Value::Time),
        Kind::DateTime => values.take::<Option<NaiveDateTime>>(name)?.map(Value::DateTime),
        Kind::Timestamp => values.take::<Option<DateTime<Utc>>>(name)?.map(Value::Timestamp),
        Kind::Duration => values.take::<Option<String>>(name)?.and_then(|text| duration_from_text(text.trim())).map(Value::Int),
        Kind::Json => values.take::<Option<String>>(name)?.and_then(|text| serde_json::from_str(&text).ok()).map(Value::Json),
        Kind::Uuid => uuid(name, values)?,
        Kind::Decimal => decimal(meta, name, values)?,
    };
    Ok(Some(given.unwrap_or(Value::Null)))
}

#[cfg(feature = "uuid")]
fn uuid(name: &str, values: &mut Values) -> Result<Option<Value>> {
    Ok(values.take::<Option<uuid::Uuid>>(name)?.map(Value::Uuid))
}

// No field is of this kind, because its type needs the feature.
#[cfg(not(feature = "uuid"))]
fn uuid(name: &str, values: &mut Values) -> Result<Option<Value>> {
    Ok(values.take::<Option<String>>(name)?.map(Value::Text))
}

#[cfg(feature = "decimal")]
fn decimal(meta: &FieldMeta, name: &str, values: &mut Values) -> Result<Option<Value>> {
    let number = values.take::<Option<lback_db::Decimal>>(name)?;
    let places = meta.digits.map_or(0, |digits| digits.decimal_places);
    // The rules of the field allow no more places.
    Ok(number.and_then(|number| number.with_places(places).ok()).map(Value::Decimal))
}

#[cfg(not(feature = "decimal"))]
fn decimal(_meta: &FieldMeta, name: &str, values: &mut Values) -> Result<Option<Value>> {
    Ok(values.take::<Option<String>>(name)?.map(Value::Text))
}
