//! The rows of a list, with the labels of those that they refer to.

use std::collections::BTreeMap;

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::runtime::ops_of;
use lback_models::{FieldMeta, Format, ModelOps as _, Value};
use serde::Serialize;

use super::columns::{LinkedLabels, linked_labels};
use super::editable::{self, Editable};
use super::files::file_link;
use super::layout::row_link;
use crate::access;
use crate::model_admin::Listed;
use crate::query_string::QueryString;
use crate::shown::{Cell, Labels, RowsByKey, cell, rows_by_key, value_of};
use crate::site::{Registered, Site};
use crate::stored_files::is_file;

/// The parameter of a row's page that names the list from which it was opened.
pub(super) const FROM: &str = "from";

#[derive(Serialize)]
pub(super) struct RowView {
    key: String,
    label: String,
    url: String,
    cells: Vec<Cell>,
}

/// Returns the rows of a page, with the labels of those that they refer to.
pub(super) fn rows_of(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    columns: &[Listed],
    rows: &[Vec<Value>],
    query: &QueryString,
    editable: Option<&Editable<'_>>,
) -> Result<Vec<RowView>> {
    let references = References::of(req, site, model, columns, rows)?;
    let text = query.without(&["after", "before"]).text();
    let from = QueryString::default().with(FROM, Some(if text.is_empty() { "all" } else { &text }));
    let zone = req.time_zone();
    let mut views = Vec::with_capacity(rows.len());
    let leading = leading(model, columns);
    for row in rows {
        let key = model.ops.key_text(row);
        let mut cells = Vec::with_capacity(columns.len());
        for column in columns {
            cells.push(match column {
                Listed::Computed(at) => Cell::text((model.options.computed[*at].show)(row)?),
                Listed::Through(through) => match references.row(through.reference, row, model) {
                    Some(other) => cell(through.field, value_of(through.to, other, through.field), zone, &references.none),
                    None => Cell::text_or_empty(""),
                },
                Listed::Link(link) => Cell::text_or_empty(references.linked(link.name, &key)),
                Listed::Field(field) => {
                    let value = value_of(model.meta(), row, field);
                    let mut shown = cell(field, value, zone, references.labels(field));
                    shown.url = references.url(req, field, value)?;
                    if is_file(field) && shown.kind == "text" && !shown.text.is_empty() {
                        shown.url = Some(file_link(req, model, &key, field)?);
                        shown.kind = if field.format == Format::Image { "image" } else { "text" };
                    }
                    if editable.is_some_and(|editable| editable.has(&key, field)) {
                        shown.input = Some(editable::name(&key, field));
                    }
                    shown
                }
            });
        }
        cells.iter_mut().enumerate().for_each(|(at, cell)| cell.leads = leading.contains(&at));
        let url = from.on(&row_link(req, "row", model, &key)?);
        views.push(RowView { url, label: model.ops.label(row), key, cells });
    }
    Ok(views)
}

/// Returns the places of the columns that lead to the row: those of the configuration, or the first.
fn leading(model: &Registered, columns: &[Listed]) -> Vec<usize> {
    let Some(leading) = &model.options.leading else { return vec![0] };
    let is_leading = |column: Listed| leading.iter().any(|other| model.column_name(*other) == model.column_name(column));
    let places: Vec<usize> = (0..columns.len()).filter(|at| is_leading(columns[*at])).collect();
    // The visitor may have chosen other columns.
    if places.is_empty() && !leading.is_empty() { vec![0] } else { places }
}

/// The rows that a page refers to.
pub(super) struct References<'a> {
    site: &'a Site,
    rows: BTreeMap<&'static str, RowsByKey>,
    labels: BTreeMap<&'static str, Labels>,
    linked: BTreeMap<&'static str, LinkedLabels>,
    /// The tables of which the user may see rows.
    visible: Vec<&'static str>,
    none: Labels,
}

impl<'a> References<'a> {
    pub(super) fn of(req: &mut Request, site: &'a Site, model: &Registered, columns: &[Listed], rows: &[Vec<Value>]) -> Result<Self> {
        let mut references = References {
            site,
            rows: BTreeMap::new(),
            labels: BTreeMap::new(),
            linked: BTreeMap::new(),
            visible: Vec::new(),
            none: Labels::new(),
        };
        for column in columns {
            if let Listed::Link(link) = column
                && let Some(others) = access::visible(req, site, (link.model)())?
            {
                references.linked.insert(link.name, linked_labels(req.db()?, model.ops, link, &others, rows)?);
            }
            let field = match column {
                Listed::Field(field) => *field,
                Listed::Through(through) => through.reference,
                Listed::Link(_) | Listed::Computed(_) => continue,
            };
            let Some(reference) = field.references.filter(|_| !references.rows.contains_key(field.name)) else { continue };
            let meta = (reference.model)();
            // The label of a row that the user may not see is not shown, either.
            let Some(list) = access::visible(req, site, meta)? else { continue };
            let keys = rows.iter().map(|row| value_of(model.meta(), row, field).clone()).collect();
            let found = rows_by_key(req.db()?, &list, keys)?;
            let ops = ops_of(meta);
            references.labels.insert(field.name, found.iter().map(|(key, row)| (key.clone(), ops.label(row))).collect());
            references.rows.insert(field.name, found);
            references.visible.push(meta.table);
        }
        Ok(references)
    }

    pub(super) fn labels(&self, field: &FieldMeta) -> &Labels {
        self.labels.get(field.name).unwrap_or(&self.none)
    }

    /// Returns the row to which a reference of a row leads, if the user may see it.
    fn row(&self, reference: &FieldMeta, row: &[Value], model: &Registered) -> Option<&Vec<Value>> {
        let key = model.ops.key_text_of(std::slice::from_ref(value_of(model.meta(), row, reference)));
        self.rows.get(reference.name)?.get(&key)
    }

    pub(super) fn linked(&self, name: &str, key: &str) -> &str {
        self.linked.get(name).and_then(|labels| labels.get(key)).map_or("", String::as_str)
    }

    pub(super) fn url(&self, req: &Request, field: &FieldMeta, value: &Value) -> Result<Option<String>> {
        let Some(reference) = field.references.filter(|_| *value != Value::Null) else { return Ok(None) };
        let Some(to) = self.site.find((reference.model)().table).filter(|to| self.visible.contains(&to.meta().table)) else {
            return Ok(None);
        };
        let key = lback_models::runtime::form_texts(field, value).into_iter().next().unwrap_or_default();
        row_link(req, "row", to, &key).map(Some)
    }
}
