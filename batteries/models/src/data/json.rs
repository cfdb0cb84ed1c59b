//! Values of fields as JSON, the same for all databases.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value as Json;

use super::duration;
use crate::{FieldMeta, Kind, Value};

/// The only key of an object around a JSON document that would be taken for something else: for NULL, or for such an object.
const DOCUMENT: &str = "$json";

/// Returns the value of a field as JSON, from which [`from_json`] makes the same value.
pub(crate) fn to_json(field: &FieldMeta, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) if field.kind == Kind::Duration => Json::String(duration::to_text(*number)),
        Value::Int(number) => Json::from(*number),
        Value::Real(number) => real(if field.kind == Kind::Float { shortest(*number) } else { *number }),
        Value::Text(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => Json::String(STANDARD.encode(bytes)),
        Value::Date(date) => Json::String(date.to_string()),
        Value::Time(time) => Json::String(time.to_string()),
        // With a T, as `Debug` of chrono writes it.
        Value::DateTime(time) => Json::String(format!("{time:?}")),
        Value::Timestamp(time) => Json::String(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        #[cfg(feature = "decimal")]
        Value::Decimal(number) => Json::String(number.to_string()),
        #[cfg(feature = "uuid")]
        Value::Uuid(uuid) => Json::String(uuid.to_string()),
        Value::Json(document) if document.is_null() && field.null || document.get(DOCUMENT).is_some() => {
            Json::Object([(DOCUMENT.to_owned(), document.clone())].into_iter().collect())
        }
        Value::Json(document) => document.clone(),
    }
}

/// Returns JSON in one line, with a space after each comma and colon.
pub(super) fn one_line(json: &Json) -> String {
    struct Spaced;
    impl serde_json::ser::Formatter for Spaced {
        fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
            out.write_all(if first { b"" } else { b", " })
        }
        fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
            out.write_all(if first { b"" } else { b", " })
        }
        fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
            out.write_all(b": ")
        }
    }
    let mut text = Vec::new();
    // Values can always be written.
    let _ = json.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Spaced));
    String::from_utf8(text).unwrap_or_default()
}

/// JSON has no infinity.
fn real(number: f64) -> Json {
    serde_json::Number::from_f64(number).map_or_else(|| Json::String(number.to_string()), Json::Number)
}

/// Returns a number with few digits that is the same `f32`.
fn shortest(number: f64) -> f64 {
    let single = number as f32;
    let short: f64 = single.to_string().parse().unwrap_or(number);
    if short as f32 == single { short } else { number }
}

/// Returns the value of a field from JSON.
///
/// # Errors
/// Returns a message that says what the field needs.
pub(crate) fn from_json(field: &FieldMeta, json: Json) -> Result<Value, String> {
    let is_document = field.kind == Kind::Json;
    if json.is_null() && (field.null || !is_document) {
        return if field.null { Ok(Value::Null) } else { Err("it must have a value".to_owned()) };
    }
    let shown = shown(&json);
    let wrong = || format!("expected {}, found {shown}", expected(field.kind));
    let value = match (field.kind, json) {
        (Kind::SmallInt, json) => json.as_i64().filter(|number| i16::try_from(*number).is_ok()).map(Value::Int),
        (Kind::Integer, json) => json.as_i64().filter(|number| i32::try_from(*number).is_ok()).map(Value::Int),
        (Kind::BigInt, json) => json.as_i64().map(Value::Int),
        (Kind::Float | Kind::Double, Json::String(text)) => not_finite(&text).map(Value::Real),
        (Kind::Float, json) => {
            json.as_f64().filter(|number| (*number as f32).is_finite()).map(|number| Value::Real((number as f32).into()))
        }
        (Kind::Double, json) => json.as_f64().map(Value::Real),
        (Kind::Bool, json) => json.as_bool().map(Value::Bool),
        (Kind::Json, Json::Object(mut around)) if around.len() == 1 && around.contains_key(DOCUMENT) => {
            around.remove(DOCUMENT).map(Value::Json)
        }
        (Kind::Json, json) => Some(Value::Json(json)),
        (Kind::Duration, Json::String(text)) => duration::parse(&text).map(Value::Int),
        #[cfg(feature = "decimal")]
        (Kind::Decimal, Json::String(text)) => decimal(field, &text).map(Value::Decimal),
        (Kind::Text, Json::String(text)) => Some(Value::Text(text)),
        (Kind::Bytes, Json::String(text)) => STANDARD.decode(text).ok().map(Value::Bytes),
        (Kind::Date, Json::String(text)) => text.parse::<NaiveDate>().ok().map(Value::Date),
        (Kind::Time, Json::String(text)) => text.parse::<NaiveTime>().ok().map(Value::Time),
        (Kind::DateTime, Json::String(text)) => text.parse::<NaiveDateTime>().ok().map(Value::DateTime),
        (Kind::Timestamp, Json::String(text)) => text.parse::<DateTime<Utc>>().ok().map(Value::Timestamp),
        #[cfg(feature = "uuid")]
        (Kind::Uuid, Json::String(text)) => text.parse().ok().map(Value::Uuid),
        _ => None,
    };
    let value = value.ok_or_else(wrong)?;
    if let Value::Text(text) = &value {
        check_text(field, text)?;
    }
    Ok(value)
}

fn check_text(field: &FieldMeta, text: &str) -> Result<(), String> {
    if !field.choices.is_empty() && !field.choices.iter().any(|(choice, _)| choice == &text) {
        let choices: Vec<&str> = field.choices.iter().map(|(choice, _)| *choice).collect();
        return Err(format!("\"{text}\" is not a choice; the choices are {}", choices.join(", ")));
    }
    match field.max_length {
        Some(most) if text.chars().count() > most as usize => Err(format!("it has more than {most} characters")),
        _ => Ok(()),
    }
}

/// Returns a number, unless it has more digits than the field.
#[cfg(feature = "decimal")]
fn decimal(field: &FieldMeta, text: &str) -> Option<lback_db::Decimal> {
    let number = lback_db::Decimal::parse_exact(text).ok()?;
    let Some(digits) = field.digits else { return Some(number) };
    let number = number.with_places(digits.decimal_places).ok()?;
    let most = 10_i128.checked_pow(digits.max_digits)?;
    (number.mantissa().abs() < most).then_some(number)
}

fn not_finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| !number.is_finite())
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::SmallInt => "a whole number from -32768 to 32767",
        Kind::Integer => "a whole number from -2147483648 to 2147483647",
        Kind::BigInt => "a whole number",
        Kind::Float | Kind::Double => "a number, or \"inf\", \"-inf\" or \"NaN\"",
        Kind::Bool => "true or false",
        Kind::Text => "a text",
        Kind::Bytes => "bytes in base64, such as \"aGVsbG8=\"",
        Kind::Date => "a day, such as \"2026-12-31\"",
        Kind::Time => "a time of day, such as \"23:59:00\"",
        Kind::DateTime => "a time without a zone, such as \"2026-12-31T23:59:00\"",
        Kind::Timestamp => "a moment, such as \"2026-12-31T23:59:00Z\"",
        Kind::Duration => "a length of time, such as \"PT1H30M\"",
        Kind::Uuid => "a UUID, such as \"00000000-0000-0000-0000-000000000000\"",
        Kind::Json => "a JSON document",
        Kind::Decimal => "a number as a text, such as \"9.95\"",
    }
}

/// Returns the beginning of a value, for messages.
fn shown(json: &Json) -> String {
    const LONGEST: usize = 60;
    let text = one_line(json);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
