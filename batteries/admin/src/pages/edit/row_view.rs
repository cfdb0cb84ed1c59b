//! A row, with the links of the page about it.

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::Value;
use serde::Serialize;

use super::super::layout::row_link;
use super::super::list::narrowed;
use super::super::list_rows::FROM;
use super::from_list;
use crate::access::{self, Right};
use crate::query_string::QueryString;
use crate::site::{Registered, Site};

/// A row, with the links of the page about it.
#[derive(Serialize)]
pub(in crate::pages) struct RowView {
    pub(super) label: String,
    pub(super) url: String,
    history: String,
    delete: Option<String>,
    on_site: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    pub(in crate::pages) links: Vec<RowLink>,
    /// The path to which a superuser posts to act as the user.
    pub(in crate::pages) act_as: Option<String>,
}

/// Another page about a row.
#[derive(Serialize)]
pub(in crate::pages) struct RowLink {
    pub(in crate::pages) label: String,
    pub(in crate::pages) url: String,
}

impl RowView {
    pub(in crate::pages) fn of(req: &mut Request, model: &Registered, key: &str, row: &[Value]) -> Result<Self> {
        let delete = access::has_for(req, model, Right::Delete, row)?;
        Ok(RowView {
            label: model.ops.label(row),
            url: row_link(req, "row", model, key)?,
            history: row_link(req, "row-history", model, key)?,
            delete: delete.then(|| row_link(req, "delete", model, key)).transpose()?,
            on_site: model.options.on_site.as_ref().map(|url| url(row)).transpose()?,
            previous: None,
            next: None,
            links: Vec::new(),
            act_as: None,
        })
    }

    /// Returns the row with links to the previous and the next row of the list from which it was opened.
    pub(super) fn with_neighbours(mut self, req: &mut Request, site: &Site, model: &Registered, row: &[Value]) -> Result<Self> {
        let query = QueryString::of(req)?;
        if query.get(FROM).is_none() {
            return Ok(self);
        }
        // The list may have been changed, and its address may have been written by hand.
        let Ok(narrowed) = narrowed(req, site, model, &from_list(req)?) else { return Ok(self) };
        let (before, after) = narrowed.beside(req.db()?, row)?;
        let from = QueryString::default().with(FROM, query.get(FROM));
        let link = |row: Vec<Value>| row_link(req, "row", model, &model.ops.key_text(&row)).map(|path| from.on(&path));
        self.previous = before.map(link).transpose()?;
        self.next = after.map(link).transpose()?;
        Ok(self)
    }
}
