//! Exports the rows of a list as CSV or JSON, in a stream.

use std::io::{self, Write};
use std::sync::Arc;

use csv::{Terminator, WriterBuilder};
use lback_core::{Error, Request, Response, Result};
use lback_db::RequestDb;
use lback_models::runtime::form_texts;
use lback_models::{FieldMeta, Kind, Value};

use super::layout::site_and_table;
use super::list::narrowed;
use crate::query_string::QueryString;
use crate::shown::text;
use crate::site::Site;

/// The characters with which a formula of a spreadsheet begins.
pub(super) const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

pub(super) fn export(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    let query = QueryString::of(req)?;
    let list = narrowed(req, &site, model, &query)?;
    let zone = req.time_zone();
    let fields: Vec<(usize, &'static FieldMeta)> = model.meta().fields.iter().enumerate().filter(|(_, field)| !field.hidden).collect();
    let (media_type, ending) = match query.get("format") {
        Some("csv") => ("text/csv; charset=utf-8", "csv"),
        Some("json") => ("application/json", "json"),
        _ => return Err(Error::bad_request("A list is exported as csv or json.")),
    };
    let (site, name): (Arc<Site>, String) = (site.clone(), table.clone());
    let response = req.stream_db(media_type, move |db, out| {
        let model = site.model(&name)?;
        if ending == "csv" {
            let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(&mut *out);
            csv.write_record(fields.iter().map(|(_, field)| field.name)).map_err(io::Error::from)?;
            list.for_each_batch(db, |_, rows| {
                for row in rows {
                    csv.write_record(fields.iter().map(|(at, field)| csv_cell(field, &row[*at], zone))).map_err(io::Error::from)?;
                }
                Ok(())
            })?;
            csv.flush()?;
            Ok(())
        } else {
            let mut separator = "[\n";
            list.for_each_batch(db, |_, rows| {
                for row in rows {
                    write!(out, "{separator}")?;
                    serde_json::to_writer(&mut *out, &model.ops.row_to_json(&row, false))
                        .map_err(|error| Error::internal("the export cannot be written").with_source(error))?;
                    separator = ",\n";
                }
                Ok(())
            })?;
            write!(out, "{}\n]\n", if separator == "[\n" { "[" } else { "" })?;
            Ok(())
        }
    })?;
    response.with_header("content-disposition", format!("attachment; filename=\"{table}.{ending}\""))
}

/// Returns the text of a value in CSV, which an import reads as the same value.
fn csv_cell(field: &FieldMeta, value: &Value, zone: lback_core::TimeZone) -> String {
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
