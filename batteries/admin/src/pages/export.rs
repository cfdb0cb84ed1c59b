//! Exports the rows of a list as CSV or JSON, while they are read.

use std::io::Write;
use std::sync::Arc;

use lback_core::{Error, Request, Response, Result};
use lback_db::RequestDb;
use lback_models::{FieldMeta, Kind, Value};

use super::layout::{link, site_and_table};
use super::list::narrowed;
use crate::query_string::QueryString;
use crate::shown::text;
use crate::site::Site;

pub(super) fn export(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    let query = QueryString::of(req)?;
    let path = link(req, "list", &[("model", &table)])?;
    let list = narrowed(req, &site, model, &query, &path)?.list;
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
            let labels: Vec<String> = fields.iter().map(|(_, field)| quoted(field.name)).collect();
            write!(out, "{}\r\n", labels.join(","))?;
            list.for_each_batch(db, |_, rows| {
                for row in rows {
                    let cells: Vec<String> = fields.iter().map(|(at, field)| csv_cell(field, &row[*at], zone)).collect();
                    write!(out, "{}\r\n", cells.join(","))?;
                }
                Ok(())
            })
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

/// Returns a value for CSV. A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn csv_cell(field: &FieldMeta, value: &Value, zone: lback_core::TimeZone) -> String {
    let text = match value {
        // With the offset, and all digits.
        Value::Timestamp(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Value::Bool(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        value => text(field, value, zone),
    };
    let is_text = matches!(field.kind, Kind::Text | Kind::Json);
    if is_text && text.starts_with(['=', '+', '-', '@', '\t', '\r']) { quoted(&format!("'{text}")) } else { quoted(&text) }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n', ';', '\t', '\'']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn separators_and_quotes_are_quoted() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
    }
}
