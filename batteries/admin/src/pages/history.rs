//! The pages of the history.

use diesel::prelude::*;
use lback_core::{Error, Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_models::{Cursor, CursorPage, QueryMethods};
use lback_session::RequestSession;
use serde::Serialize;

use super::change_view::{views, visible_tables};
use super::confirm::confirm;
use super::edit::row_of_path;
use super::layout::{Crumb, link, render, row_link, site_and_table};
use crate::access::{self, Right};
use crate::history::{self, Change, admin_history};
use crate::language::{counted, text};
use crate::query_string::QueryString;
use crate::saving::in_savepoint;
use crate::shown::{json_text, label_of};
use crate::site::{Registered, Site};

const PER_PAGE: u32 = 50;

#[derive(Serialize)]
struct RowLink {
    label: String,
    url: String,
}

/// The changes of all models whose rows the user may see.
pub(super) fn all(req: &mut Request) -> Result<Response> {
    let site = Site::of(req)?;
    let tables = visible_tables(req, &site)?;
    let cursor: Cursor = req.query()?;
    let page = Change::ordered().filter(admin_history::model.eq_any(tables)).cursor_page(req.db()?, &cursor, PER_PAGE)?;
    let path = link(req, "history", &[])?;
    show(req, &site, &text!("History"), page, &path, None, "", vec![Crumb::new(text!("History"), None)])
}

/// The changes of a row.
pub(super) fn of_row(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    let (key, row) = row_of_path(req, model)?;
    let cursor: Cursor = req.query()?;
    let of_row = Change::ordered().filter(admin_history::model.eq(model.meta().table)).filter(admin_history::row_key.eq(key.clone()));
    let page = of_row.cursor_page(req.db()?, &cursor, PER_PAGE)?;
    let path = row_link(req, "row-history", model, &key)?;
    let row = RowLink { label: model.ops.label(&row), url: row_link(req, "row", model, &key)? };
    let crumbs = vec![
        Crumb::new(model.meta().plural, Some(link(req, "list", &[("model", &table)])?)),
        Crumb::new(row.label.clone(), Some(row.url.clone())),
        Crumb::new(text!("History"), None),
    ];
    let title = text!("History of {row}", row = row.label);
    show(req, &site, &title, page, &path, Some(row), &table, crumbs)
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the page")]
fn show(
    req: &mut Request,
    site: &Site,
    title: &str,
    page: CursorPage<Change>,
    path: &str,
    row: Option<RowLink>,
    table: &str,
    crumbs: Vec<Crumb>,
) -> Result<Response> {
    let query = QueryString::of(req)?;
    let to = |name: &str, cursor: &Option<String>| cursor.as_ref().map(|cursor| query.with(name, Some(cursor)).on(path));
    let (previous, next) = (to("before", &page.previous), to("after", &page.next));
    let changes = views(req, site, &page.items)?;
    render(req, "admin/history.html", table, crumbs, context! { title, changes, previous, next, row })
}

/// Shows a row as it was after a change, or before it was deleted.
pub(super) fn state(req: &mut Request) -> Result<Response> {
    let site = Site::of(req)?;
    let id: i64 = req.param("id")?;
    let missing = || Error::not_found(text!("This change is not in the history."));
    let change: Change = Change::query().filter(admin_history::id.eq(id)).first(req.db()?).optional()?.ok_or_else(missing)?;
    let model = site.find(&change.model).ok_or_else(missing)?;
    access::require(req, model, Right::View)?;
    if model.options.rows.is_some() {
        // The row must be one that the user may see.
        let key = model.ops.read_key(&change.row_key).ok_or_else(missing)?;
        access::rows(req, model)?.find(req.db()?, &key)?.ok_or_else(missing)?;
    }
    let (meta, state) = (model.meta(), change.after.as_deref().or(change.before.as_deref()));
    let names = meta.fields.iter().filter(|field| !field.hidden).map(|field| field.name);
    let unseen = access::unseen_fields(req, model)?;
    let names = names.chain(meta.many_to_many.iter().map(|link| link.name)).filter(|name| !unseen.contains(name));
    let zone = req.time_zone();
    let cells = |name: &str| {
        let json = state?.get(name)?;
        Some([label_of(meta, name).unwrap_or(name).to_owned(), json_text(meta.field(name), json, zone)])
    };
    let rows: Vec<_> = names.filter_map(cells).map(|cells| StateRow { key: None, cells }).collect();
    let at = zone.local(change.at).format("%Y-%m-%d %H:%M");
    let title = format!("{} \"{}\", {at}", meta.label, change.label);
    let back = link(req, "history", &[])?;
    let crumbs = vec![Crumb::new(text!("History"), Some(back)), Crumb::new(change.label.clone(), None)];
    let context = context! { title, columns => [text!("Field"), text!("Value")], rows, actions => Vec::<String>::new() };
    render(req, "admin/info.html", meta.table, crumbs, context)
}

/// A field of a row as it was.
#[derive(Serialize)]
struct StateRow {
    key: Option<String>,
    cells: [String; 2],
}

/// Undoes a batch of changes.
pub(super) fn undo(req: &mut Request) -> Result<Response> {
    let site = Site::of(req)?;
    let batch: String = req.param("batch")?;
    if history::changes_rights(req, &batch)?
        && let Some(page) = confirm(req)?
    {
        return Ok(page);
    }
    let back = link(req, "history", &[])?;
    let undone = match in_savepoint(req, |req| history::undo(req, &site, &batch)) {
        Err(error) if error.status() == StatusCode::CONFLICT => {
            let text = error.message().to_owned();
            return refuse(req, &text!("This cannot be undone"), &text, back);
        }
        undone => undone?,
    };
    let message = counted!(undone, "The change has been undone.", "{count} changes have been undone.");
    req.session().flash("success", &message);
    Ok(Response::redirect(&back))
}

/// Renders a page that gives the reason for a refusal.
fn refuse(req: &mut Request, title: &str, text: &str, back: String) -> Result<Response> {
    let page = render(req, "admin/message.html", "", vec![Crumb::new(title, None)], context! { title, text, back })?;
    Ok(page.with_status(StatusCode::CONFLICT))
}

/// Returns the name of the user who last changed a row.
pub(super) fn last_editor(req: &mut Request, model: &Registered, key: &str) -> Result<Option<String>> {
    let of_row = admin_history::table.filter(admin_history::model.eq(model.meta().table)).filter(admin_history::row_key.eq(key));
    let name: Option<String> =
        of_row.order(admin_history::id.desc()).select(admin_history::user_name).first(req.db()?).optional().map_err(Error::from)?;
    Ok(name.filter(|name| !name.is_empty()))
}
