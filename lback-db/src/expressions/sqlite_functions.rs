//! Functions that the expressions call on SQLite, which has none of the kind.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use serde_json::Value;

diesel::define_sql_function! {
    /// Folds the case of a text by Unicode. SQLite's `lower` knows ASCII alone.
    fn lback_fold(text: Nullable<Text>) -> Nullable<Text>;
}

diesel::define_sql_function! {
    /// Returns whether a JSON document contains another.
    fn lback_json_contains(document: Nullable<Text>, part: Nullable<Text>) -> Nullable<diesel::sql_types::Bool>;
}

/// Makes the functions known to a connection.
pub(crate) fn register(connection: &mut SqliteConnection) -> QueryResult<()> {
    lback_fold_utils::register_impl(connection, |text: Option<String>| text.map(|text| text.to_lowercase()))?;
    lback_json_contains_utils::register_impl(connection, |document: Option<String>, part: Option<String>| {
        let (document, part): (Value, Value) = (serde_json::from_str(&document?).ok()?, serde_json::from_str(&part?).ok()?);
        let is_element = || !part.is_object() && document.as_array().is_some_and(|elements| elements.iter().any(|e| contains(e, &part)));
        Some(contains(&document, &part) || !part.is_array() && is_element())
    })
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
