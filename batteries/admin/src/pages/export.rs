//! Exports the rows of a list in a stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use lback_core::{Error, Request, Response, Result, TimeZone};
use lback_db::{Db, RequestDb};
use lback_models::{FieldMeta, List, Value};

use super::columns::{self, linked_labels};
use super::layout::site_and_table;
use super::list::narrowed;
use crate::access;
use crate::language::text;
use crate::model_admin::Listed;
use crate::query_string::QueryString;
use crate::shown::{rows_by_key, value_of};
use crate::site::{Registered, Site};

/// The formats of exports.
pub(super) const FORMATS: &[&str] = if cfg!(feature = "xlsx") { &["csv", "json", "xlsx"] } else { &["csv", "json"] };

pub(super) fn export(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    let query = QueryString::of(req)?;
    let list = narrowed(req, &site, model, &query)?;
    let columns = match columns::chosen(req, &site, model, &query)? {
        Some(columns) => columns,
        None => fields_of(req, model)?,
    };
    let exported = Exported::of(req, &site, model, columns)?;
    let (media_type, ending) = match query.get("format") {
        Some("csv") => ("text/csv; charset=utf-8", "csv"),
        Some("json") => ("application/json", "json"),
        #[cfg(not(feature = "xlsx"))]
        Some("xlsx") => return Err(Error::bad_request(text!("An export as XLSX needs the feature admin-xlsx of lback."))),
        #[cfg(feature = "xlsx")]
        Some("xlsx") => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        _ => return Err(Error::bad_request(text!("A list is exported as {formats}.", formats = FORMATS.join(", ")))),
    };
    #[cfg(feature = "xlsx")]
    if ending == "xlsx" && list.has_more_than(req.db()?, super::xlsx::MOST_ROWS)? {
        let most = super::xlsx::MOST_ROWS;
        return Err(Error::bad_request(text!(
            "A sheet has at most {count} rows. Narrow the list first, or export it as CSV.",
            count = most
        )));
    }
    // A missing table is an error before the first byte is sent.
    list.has_more_than(req.db()?, 0)?;
    let (site, name): (Arc<Site>, String) = (site.clone(), table.clone());
    let response = req.stream_db(media_type, move |db, out| {
        let model = site.model(&name)?;
        match ending {
            "csv" => exported.write_csv(db, out, model, &list),
            #[cfg(feature = "xlsx")]
            "xlsx" => exported.write_xlsx(db, out, model, &list),
            _ => exported.write_json(db, out, model, &list),
        }
    })?;
    response.with_header("content-disposition", format!("attachment; filename=\"{table}.{ending}\""))
}

/// Returns all fields that are not hidden and that the user may see.
fn fields_of(req: &mut Request, model: &Registered) -> Result<Vec<Listed>> {
    let unseen = access::unseen_fields(req, model)?;
    let fields = model.meta().fields.iter().filter(|field| !field.hidden && !unseen.contains(field.name));
    Ok(fields.map(Listed::Field).collect())
}

/// The columns of an export.
pub(super) struct Exported {
    columns: Vec<Listed>,
    /// The rows that the user may see of the models to which relations lead, by the names of the relations.
    others: BTreeMap<&'static str, List>,
    pub(super) zone: TimeZone,
}

/// A value of an export.
pub(super) enum Exports<'a> {
    Value(&'static FieldMeta, &'a Value),
    Text(String),
}

impl Exported {
    fn of(req: &mut Request, site: &Site, model: &Registered, columns: Vec<Listed>) -> Result<Self> {
        let mut others = BTreeMap::new();
        for column in &columns {
            let to = match column {
                Listed::Link(link) => (link.model)(),
                Listed::Through(through) => through.to,
                Listed::Field(_) | Listed::Computed(_) => continue,
            };
            others.extend(access::visible(req, site, to)?.map(|list| (model.column_name(*column), list)));
        }
        Ok(Exported { columns, others, zone: req.time_zone() })
    }

    pub(super) fn names<'a>(&'a self, model: &'a Registered) -> impl Iterator<Item = &'static str> + 'a {
        self.columns.iter().map(|column| model.column_name(*column))
    }

    /// Calls `write` with the values of each row.
    pub(super) fn for_each(
        &self,
        db: &mut Db,
        model: &Registered,
        list: &List,
        mut write: impl FnMut(Vec<Exports<'_>>) -> Result<()>,
    ) -> Result<()> {
        list.for_each_batch(db, |db, rows| {
            let mut linked = BTreeMap::new();
            let mut through = BTreeMap::new();
            for column in &self.columns {
                if let Listed::Through(column) = column
                    && let Some(others) = self.others.get(column.name)
                {
                    let keys = rows.iter().map(|row| value_of(model.meta(), row, column.reference).clone()).collect();
                    through.insert(column.name, rows_by_key(db, others, keys)?);
                }
                if let Listed::Link(link) = column
                    && let Some(others) = self.others.get(link.name)
                {
                    linked.insert(link.name, linked_labels(db, model.ops, link, others, &rows)?);
                }
            }
            for row in &rows {
                let value = |column: &Listed| match column {
                    Listed::Field(field) => Ok(Exports::Value(field, value_of(model.meta(), row, field))),
                    Listed::Through(column) => {
                        let key = model.ops.key_text_of(std::slice::from_ref(value_of(model.meta(), row, column.reference)));
                        let other = through.get(column.name).and_then(|others| others.get(&key));
                        Ok(Exports::Value(column.field, other.map_or(&Value::Null, |other| value_of(column.to, other, column.field))))
                    }
                    Listed::Link(link) => {
                        let labels = linked.get(link.name).and_then(|labels| labels.get(&model.ops.key_text(row)));
                        Ok(Exports::Text(labels.cloned().unwrap_or_default()))
                    }
                    Listed::Computed(at) => (model.options.computed[*at].show)(row).map(Exports::Text),
                };
                write(self.columns.iter().map(value).collect::<Result<_>>()?)?;
            }
            Ok(())
        })
    }
}
