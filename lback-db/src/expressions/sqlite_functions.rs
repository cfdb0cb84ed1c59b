//! Functions that the expressions call on SQLite, which has none of the kind.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use lback_core::TimeZone;
use serde_json::Value;

diesel::define_sql_function! {
    /// Folds the case of a text by Unicode. SQLite's `lower` knows ASCII alone.
    fn lback_fold(text: Nullable<Text>) -> Nullable<Text>;
}

diesel::define_sql_function! {
    /// Returns whether a JSON document contains another.
    fn lback_json_contains(document: Nullable<Text>, part: Nullable<Text>) -> Nullable<diesel::sql_types::Bool>;
}

diesel::define_sql_function! {
    /// Returns the local time of a moment in a time zone.
    fn lback_local_time(at: Nullable<Text>, zone: Text) -> Nullable<Text>;
}

/// Makes the functions known to a connection.
pub(crate) fn register(connection: &mut SqliteConnection) -> QueryResult<()> {
    lback_fold_utils::register_impl(connection, |text: Option<String>| text.map(|text| text.to_lowercase()))?;
    lback_local_time_utils::register_impl(connection, |at: Option<String>, zone: String| local_time(&at?, zone.parse().ok()?))?;
    lback_json_contains_utils::register_impl(connection, |document: Option<String>, part: Option<String>| {
        let (document, part): (Value, Value) = (serde_json::from_str(&document?).ok()?, serde_json::from_str(&part?).ok()?);
        let is_element = || !part.is_object() && document.as_array().is_some_and(|elements| elements.iter().any(|e| contains(e, &part)));
        Some(contains(&document, &part) || !part.is_array() && is_element())
    })
}

/// Returns the local time of a moment, which is a text with an offset, or without one in UTC.
fn local_time(at: &str, zone: TimeZone) -> Option<String> {
    let in_utc = || NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M:%S%.f").ok().map(|at| at.and_utc());
    let at: DateTime<Utc> = at.parse().ok().or_else(in_utc)?;
    Some(zone.local(at).format("%Y-%m-%d %H:%M:%S%.f").to_string())
}

/// Returns what PostgreSQL's `@>` does.
fn contains(document: &Value, part: &Value) -> bool {
    match (document, part) {
        (Value::Object(document), Value::Object(part)) => {
            part.iter().all(|(key, value)| document.get(key).is_some_and(|of_document| contains(of_document, value)))
        }
        (Value::Array(document), Value::Array(part)) => part.iter().all(|value| document.iter().any(|element| contains(element, value))),
        (Value::Number(document), Value::Number(part)) => document.as_f64() == part.as_f64(),
        (document, part) => document == part,
    }
}
