//! Lists and gets rows.

use lback_core::{Request, Response, Result, StatusCode};
use lback_db::RequestDb;
use serde::Serialize;

use super::{Endpoint, links};
use crate::output::{Included, RowView};
use crate::query::{self, Listing};
use crate::version_tag::is_known;

/// A page of rows.
#[derive(Serialize)]
struct Page<'a> {
    items: Vec<RowView<'a>>,
    #[serde(flatten)]
    place: Place,
}

/// The place of a page in the list.
#[derive(Serialize)]
#[serde(untagged)]
enum Place {
    Cursors { next: Option<String>, previous: Option<String> },
    Numbers { page: u32, pages: u32, total: i64 },
}

pub(super) fn list(req: &mut Request, endpoint: &Endpoint) -> Result<Response> {
    let config = &endpoint.config;
    let Listing { list, cursor, page, limit, selection } = query::listing(req, config, &endpoint.parameters)?;
    let (rows, place) = if config.is_numbered {
        let found = list.numbered_page(req.db()?, page, limit)?;
        (found.items, Place::Numbers { page: found.number, pages: found.pages, total: found.total })
    } else {
        let found = list.page(req.db()?, &cursor, limit)?;
        (found.items, Place::Cursors { next: found.next, previous: found.previous })
    };
    let included = Included::load(req, config.meta(), &selection, &rows)?;
    let view = |row| RowView { meta: config.meta(), fields: &selection.fields, included: &included, row };
    let link = match &place {
        Place::Cursors { next, previous } => links::by_cursor(req, next.as_deref(), previous.as_deref()),
        Place::Numbers { page, pages, .. } => links::by_number(req, *page, *pages),
    };
    let response = Response::json(&Page { items: rows.iter().map(|row| view(row)).collect(), place })?;
    if link.is_empty() { Ok(response) } else { response.with_header("link", link) }
}

pub(super) fn get(req: &mut Request, endpoint: &Endpoint) -> Result<Response> {
    let selection = endpoint.selection(req)?;
    let (_, row) = endpoint.find(req)?;
    // The version says nothing about other rows.
    let tag = endpoint.config.version_tag.filter(|_| selection.includes.is_empty()).and_then(|tag| tag.tag(&row));
    match tag {
        Some(tag) if is_known(req, &tag) => Response::new(StatusCode::NOT_MODIFIED).with_header("etag", tag),
        _ => endpoint.row_response(req, StatusCode::OK, &selection, row),
    }
}
