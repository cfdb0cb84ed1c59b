//! Values for existing rows, as people write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::meta::{Digits, Kind};
use crate::migrate::{Column, DefaultValue};
use lback_db::units;

/// Parses a value of the column. Two single quotes are an empty text.
///
/// # Errors
/// Returns a message that says what the value must look like.
pub(super) fn parse(text: &str, column: &Column) -> Result<DefaultValue, String> {
    let text = if text == "''" { "" } else { text };
    let wrong = |what: &str| Err(format!("\"{text}\" is no value of {}, which needs {what}", column.name));
    if !column.choices.is_empty() && !column.choices.iter().any(|choice| choice == text) {
        return wrong(&format!("one of {}", column.choices.join(", ")));
    }
    let as_text = || Ok(DefaultValue::Text(text.to_owned()));
    let number = |min: i64, max: i64| match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(DefaultValue::Int(number)),
        _ => wrong(&format!("a whole number from {min} to {max}")),
    };
    match column.kind {
        Kind::SmallInt => number(i16::MIN.into(), i16::MAX.into()),
        Kind::Integer => number(i32::MIN.into(), i32::MAX.into()),
        Kind::BigInt | Kind::Duration => number(i64::MIN, i64::MAX),
        Kind::Float | Kind::Double => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(DefaultValue::Real(number)),
            _ => wrong("a number, such as 0.5"),
        },
        Kind::Decimal => match column.digits {
            Some(Digits { max_digits, decimal_places }) => match units(text, decimal_places) {
                Some(units) if units.unsigned_abs() < 10_u128.saturating_pow(max_digits) => as_text(),
                _ => wrong(&format!("a number with at most {max_digits} digits, {decimal_places} of them after the decimal point")),
            },
            None if units(text, 18).is_some() => as_text(),
            None => wrong("a number, such as 9.95"),
        },
        Kind::Bool => text.parse().map(DefaultValue::Bool).or_else(|_| wrong("true or false")),
        Kind::Text => match column.max_length {
            Some(length) if text.chars().count() > length as usize => wrong(&format!("at most {length} characters")),
            _ => as_text(),
        },
        Kind::Bytes => as_text(),
        Kind::Date if NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() => as_text(),
        Kind::Date => wrong("a day, such as 2026-12-31"),
        Kind::Time if NaiveTime::parse_from_str(text, "%H:%M:%S").is_ok() => as_text(),
        Kind::Time => wrong("a time of day, such as 23:59:00"),
        Kind::DateTime if NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").is_ok() => as_text(),
        Kind::DateTime => wrong("a time, such as 2026-12-31 23:59:00"),
        Kind::Timestamp if DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%:z").is_ok() => as_text(),
        Kind::Timestamp => wrong("a moment, such as 2026-12-31 23:59:00+00:00"),
        Kind::Uuid if is_uuid(text) => as_text(),
        Kind::Uuid => wrong("a UUID, such as 00000000-0000-0000-0000-000000000000"),
        Kind::Json if serde_json::from_str::<serde_json::Value>(text).is_ok() => as_text(),
        Kind::Json => wrong("a JSON document, such as {} or null"),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
