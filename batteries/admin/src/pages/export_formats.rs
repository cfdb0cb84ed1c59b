//! The formats of exports: CSV and JSON.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};
use lback_core::{Error, Result, TimeZone};
use lback_db::Db;
use lback_models::runtime::{form_texts, value_to_json};
use lback_models::{FieldMeta, Kind, List, Value};
use serde_json::{Map, Value as Json};

use super::export::{Exported, Exports};
use crate::shown::text;
use crate::site::Registered;

/// The characters with which a formula of a spreadsheet begins.
pub(super) const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

impl Exported {
    pub(super) fn write_csv(&self, db: &mut Db, out: &mut impl Write, model: &Registered, list: &List) -> Result<()> {
        let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        csv.write_record(self.names(model)).map_err(io::Error::from)?;
        self.for_each(db, model, list, |values| {
            let cells = values.into_iter().map(|value| match value {
                Exports::Value(field, value) => csv_cell(field, value, self.zone),
                Exports::Text(text) => guarded(text),
            });
            Ok(csv.write_record(cells).map_err(io::Error::from)?)
        })?;
        csv.flush()?;
        Ok(())
    }

    pub(super) fn write_json(&self, db: &mut Db, out: &mut impl Write, model: &Registered, list: &List) -> Result<()> {
        let mut separator = "[\n";
        self.for_each(db, model, list, |values| {
            let json = |value| match value {
                Exports::Value(field, value) => value_to_json(field, value),
                Exports::Text(text) => Json::String(text),
            };
            let object: Map<String, Json> = self.names(model).map(str::to_owned).zip(values.into_iter().map(json)).collect();
            write!(out, "{separator}")?;
            serde_json::to_writer(&mut *out, &object)
                .map_err(|error| Error::internal("the export cannot be written").with_source(error))?;
            separator = ",\n";
            Ok(())
        })?;
        write!(out, "{}\n]\n", if separator == "[\n" { "[" } else { "" })?;
        Ok(())
    }
}

/// Returns the text of a value in CSV, which an import reads as the same value.
fn csv_cell(field: &FieldMeta, value: &Value, zone: TimeZone) -> String {
    let text = match value {
        // With the offset, and all digits.
        Value::Timestamp(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Value::DateTime(_) => form_texts(field, value).into_iter().next().unwrap_or_default(),
        Value::Bool(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        value => text(field, value, zone),
    };
    if matches!(field.kind, Kind::Text | Kind::Json) { guarded(text) } else { text }
}

/// Adds an apostrophe in front of a text that a spreadsheet would run as a formula, or from which an import would remove one.
fn guarded(text: String) -> String {
    if text.trim_start_matches('\'').starts_with(FORMULA) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn formulas_get_an_apostrophe() {
        for (text, cell) in [("plain", "plain"), ("=1+1", "'=1+1"), ("'=1", "''=1"), ("'tis", "'tis"), ("-", "'-"), ("", "")] {
            assert_eq!(guarded(text.to_owned()), cell);
        }
    }
}
