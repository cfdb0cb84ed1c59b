//! Reads texts of a file as values of fields.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use lback_core::{TimeZone, is_email};
use lback_forms::{Entry, FieldType};
use lback_models::runtime::{form_texts, ops_of, read_text};
use lback_models::{FieldMeta, Format, Kind, Literal, ModelMeta, ModelOps as _, Value};
use serde_json::Value as Json;

use super::problems::shortened;
use crate::language::text;
use crate::pages::export_formats::FORMULA;

/// Returns the text of a cell, without the apostrophe that an export puts in front of a text that a spreadsheet would run as a formula.
pub(super) fn cell(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest,
        _ => text,
    }
}

/// Returns the value of a text that is not empty.
///
/// # Errors
/// Returns a message if the text is not a value of the field.
pub(super) fn read(meta: &'static ModelMeta, field: &'static FieldMeta, text: &str, zone: TimeZone) -> Result<Value, String> {
    if text.contains('\0') {
        return Err(text!("The text contains a null character, which cannot be stored. Remove it."));
    }
    let wrong = |expected: String| text!("Write {expected} instead of “{text}”.", expected, text = shortened(text));
    let value = match field.kind {
        Kind::SmallInt => whole(field, text, i16::MIN.into(), i16::MAX.into())?,
        Kind::Integer => whole(field, text, i32::MIN.into(), i32::MAX.into())?,
        Kind::BigInt => whole(field, text, i64::MIN, i64::MAX)?,
        Kind::Float => Value::Real(of::<f32>(text).ok_or_else(|| wrong(text!("a number, such as 1.5,")))?.into()),
        Kind::Double => Value::Real(of(text).ok_or_else(|| wrong(text!("a number, such as 1.5,")))?),
        Kind::Bool => Value::Bool(of(&text.to_lowercase()).ok_or_else(|| wrong(text!("true or false")))?),
        Kind::Text => Value::Text(text_of(field, text)?),
        Kind::Bytes => return Err(text!("A file cannot be imported from CSV.")),
        Kind::Date => Value::Date(of::<NaiveDate>(text).ok_or_else(|| wrong(text!("a date, such as 2026-12-31,")))?),
        Kind::Time => Value::Time(of::<NaiveTime>(text).ok_or_else(|| wrong(text!("a time, such as 23:59,")))?),
        Kind::DateTime => {
            Value::DateTime(of::<NaiveDateTime>(text).ok_or_else(|| wrong(text!("a date and a time, such as 2026-12-31 23:59,")))?)
        }
        Kind::Timestamp => moment(text, zone)?,
        Kind::Duration => from_json(meta, field, text).ok_or_else(|| wrong(text!("a length of time, such as PT1H30M,")))?,
        Kind::Uuid => read_text(field, text).ok_or_else(|| wrong(text!("a UUID, such as 3f2c9b1e-0d6a-4a57-9a6e-1f0c3b7d5e21,")))?,
        Kind::Json => Value::Json(serde_json::from_str(text).map_err(|error| text!("This is not valid JSON: {error}.", error))?),
        Kind::Decimal => from_json(meta, field, text).ok_or_else(|| wrong(decimal(field)))?,
    };
    in_range(field, &value)?;
    Ok(value)
}

/// Returns the value that the field of a form would read from a text.
fn of<T: FieldType>(text: &str) -> Option<T> {
    T::read(Entry::of([text])).ok()
}

fn whole(field: &FieldMeta, text: &str, least: i64, most: i64) -> Result<Value, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.map(Value::Int).ok_or_else(|| {
        let text = shortened(text);
        match field.kind {
            Kind::BigInt => text!("Write a whole number instead of “{text}”.", text),
            _ => text!("Write a whole number from {least} to {most} instead of “{text}”.", least, most, text),
        }
    })
}

/// Returns the value that `loaddata` would read from a text.
fn from_json(meta: &'static ModelMeta, field: &FieldMeta, text: &str) -> Option<Value> {
    let at = meta.position(field.column)?;
    let json = [(field.name.to_owned(), Json::String(text.to_owned()))].into_iter().collect();
    let row = ops_of(meta).row_from_json(vec![Value::Null; meta.fields.len()], &json).ok()?;
    row.into_iter().nth(at).filter(|value| *value != Value::Null)
}

fn decimal(field: &FieldMeta) -> String {
    match field.digits {
        Some(digits) => text!(
            "a number with at most {before} digits before the decimal point and {after} after it",
            before = digits.max_digits.saturating_sub(digits.decimal_places),
            after = digits.decimal_places
        ),
        None => text!("a number, such as 9.95,"),
    }
}

/// Reads a timestamp with an offset from UTC, or in the time zone of the request.
fn moment(text: &str, zone: TimeZone) -> Result<Value, String> {
    // ISO 8601 also allows times without seconds.
    let without_seconds = || {
        let at = DateTime::parse_from_str(&text.replacen(' ', "T", 1), "%Y-%m-%dT%H:%M%#z").ok()?;
        of::<DateTime<Utc>>(&at.to_rfc3339())
    };
    if let Some(at) = of::<DateTime<Utc>>(text).or_else(without_seconds) {
        return Ok(Value::Timestamp(at));
    }
    let expected = || {
        text!(
            "Write {expected} instead of “{text}”.",
            expected = text!("a date and a time, such as 2026-12-31 23:59,"),
            text = shortened(text)
        )
    };
    let local = of::<NaiveDateTime>(text).ok_or_else(expected)?;
    let skipped =
        || text!("The clocks skip {time}, because they are set forward. Write an earlier or a later time.", time = shortened(text));
    zone.moment(local).map(Value::Timestamp).ok_or_else(skipped)
}

fn text_of(field: &FieldMeta, text: &str) -> Result<String, String> {
    if !field.choices.is_empty() {
        return choice(field, text);
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !field.long && text.contains('\n') {
        return Err(text!("Write a single line."));
    }
    let count = text.chars().count();
    if let Some(most) = field.max_length
        && count > most as usize
    {
        return Err(text!("Write at most {most} characters instead of {count}.", most, count));
    }
    let is_slug = |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
    match field.format {
        Format::Email if !is_email(&text) => {
            Err(text!("Write an e-mail address, such as name@example.com, instead of “{text}”.", text = shortened(&text)))
        }
        Format::Url if !is_url(&text) => {
            Err(text!("Write a web address, such as https://example.com, instead of “{text}”.", text = shortened(&text)))
        }
        Format::Slug if !is_slug(&text) => Err(text!("Use letters from a to z, digits, hyphens and underscores.")),
        _ => Ok(text),
    }
}

/// Returns the choice with this stored name or, without regard to case, with this label.
fn choice(field: &FieldMeta, text: &str) -> Result<String, String> {
    let lower = text.to_lowercase();
    let stored = field.choices.iter().find(|(stored, _)| *stored == text);
    let labelled = || field.choices.iter().find(|(stored, label)| label.to_lowercase() == lower || stored.to_lowercase() == lower);
    let known = || field.choices.iter().map(|(stored, _)| *stored).collect::<Vec<_>>().join(", ");
    match stored.or_else(labelled) {
        Some((stored, _)) => Ok((*stored).to_owned()),
        None => Err(text!("Write one of {choices} instead of “{text}”.", choices = known(), text = shortened(text))),
    }
}

/// Returns whether a text is a web address that is safe in a link.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\`".contains(c));
    is_web && is_plain && text.len() <= 2048 && !host.is_empty() && !host.starts_with(':') && !host.contains('@')
}

fn in_range(field: &FieldMeta, value: &Value) -> Result<(), String> {
    let number = |text: String| text.parse::<f64>().ok();
    let is_below = |one: &Value, other: Literal| match (one, other) {
        (Value::Int(one), Literal::Int(other)) => one.cmp(&other).is_lt(),
        (one, other) => number_of(field, one).zip(number(shown(other))).is_some_and(|(one, other)| one < other),
    };
    let is_above = |one: &Value, other: Literal| match (one, other) {
        (Value::Int(one), Literal::Int(other)) => one.cmp(&other).is_gt(),
        (one, other) => number_of(field, one).zip(number(shown(other))).is_some_and(|(one, other)| one > other),
    };
    match (field.min, field.max) {
        (Some(min), _) if is_below(value, min) => Err(text!("Write a number of at least {number}.", number = shown(min))),
        (_, Some(max)) if is_above(value, max) => Err(text!("Write a number of at most {number}.", number = shown(max))),
        _ => Ok(()),
    }
}

fn number_of(field: &FieldMeta, value: &Value) -> Option<f64> {
    match value {
        Value::Text(_) => None,
        value => form_texts(field, value).first()?.parse().ok(),
    }
}

fn shown(literal: Literal) -> String {
    match literal {
        Literal::Text(text) => text.to_owned(),
        Literal::Int(number) => number.to_string(),
        Literal::Real(number) => number.to_string(),
        Literal::Bool(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use lback_core::TimeZone;
    use lback_models::Value;

    use super::{cell, is_url, moment};

    #[test]
    fn moments_have_an_offset_or_are_local() {
        let expected = "2026-11-30T10:00:00Z".parse().map(Value::Timestamp).map_err(|error| format!("{error}"));
        for text in ["2026-11-30T10:00:00Z", "2026-11-30T12:00+02:00", "2026-11-30 10:00Z", "2026-11-30 10:00", "2026-11-30T10:00:00"] {
            assert_eq!(moment(text, TimeZone::UTC), expected, "{text}");
        }
        for text in ["2026-11-30", "30.11.2026 10:00", "99999-01-01T00:00Z", "2026-11-30T25:00Z"] {
            assert!(moment(text, TimeZone::UTC).is_err(), "{text}");
        }
    }

    #[test]
    fn the_apostrophe_of_an_export_is_removed() {
        for (text, read) in
            [(" plain ", "plain"), ("'=1+1", "=1+1"), ("''=1", "'=1"), ("'tis", "'tis"), ("'", "'"), ("'-5", "-5"), ("=1", "=1")]
        {
            assert_eq!(cell(text), read, "{text:?}");
        }
    }

    #[test]
    fn only_web_addresses_are_accepted() {
        assert!(is_url("https://example.com/a?b#c") && is_url("HTTP://localhost:8000"));
        for text in ["javascript://x", "example.com", "https://", "https://a b", "https://bank@evil", "https://:80"] {
            assert!(!is_url(text), "{text}");
        }
    }
}
