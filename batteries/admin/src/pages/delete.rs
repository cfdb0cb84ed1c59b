//! Deletes rows, after a page that shows everything that is deleted with them.

use std::collections::BTreeSet;

use lback_auth::RequestAuth;
use lback_core::{Error, Method, Request, Response, Result, StatusCode, context};
use lback_db::RequestDb;
use lback_models::runtime::{Dependents, dependents, ops_of};
use lback_models::{Cursor, FieldMeta, ModelMeta, ModelOps, OnDelete, Value};
use lback_session::RequestSession;
use serde::Serialize;

use super::confirm::confirm_for;
use super::deletion::{KeptRows, referring_first};
use super::edit::row_of_path;
use super::layout::{Crumb, ModelView, link, render, row_link, site_and_table};
use super::list::narrowed;
use super::list_rows::FROM;
use crate::access::{self, Right};
use crate::history::{Recorder, state_of};
use crate::language::{text, within_sentence};
use crate::query_string::QueryString;
use crate::saving::{self, in_savepoint, refusal};
use crate::site::{Registered, Site};

/// The maximum number of rows that are found and recorded.
const MOST_ROWS: usize = 5000;
/// The maximum number of chosen rows. The confirmation page has a field for each, and a form has at most 1,000 fields.
const MOST_CHOSEN: usize = 900;
/// The maximum number of rows of a model that are named.
const MOST_NAMED: usize = 20;

#[derive(Serialize)]
pub(super) struct RowView {
    label: String,
    url: String,
}

#[derive(Serialize)]
struct Affected {
    label: String,
    /// `None` if the user may not see all of the rows.
    count: Option<usize>,
    items: Vec<String>,
    more: usize,
}

impl Affected {
    /// Returns the rows as the page names them, without those that the user may not see.
    fn of(req: &mut Request, site: &Site, meta: &'static ModelMeta, rows: &[Vec<Value>], label: String) -> Result<Self> {
        let list = if access::hides_reference(req, site, meta)? { None } else { access::visible(req, site, meta)? };
        let Some(list) = list else {
            return Ok(Affected { label, count: None, items: Vec::new(), more: 0 });
        };
        let ops = ops_of(meta);
        if site.find(meta.table).is_none_or(|model| model.options.rows.is_none()) {
            let items = rows.iter().take(MOST_NAMED).map(|row| ops.label(row)).collect();
            return Ok(Affected { label, count: Some(rows.len()), items, more: rows.len().saturating_sub(MOST_NAMED) });
        }
        let mut items = Vec::new();
        for row in rows.iter().take(MOST_NAMED) {
            items.extend(list.find(req.db()?, &ops.key(row))?.map(|row| ops.label(&row)));
        }
        Ok(Affected { label, count: None, items, more: 0 })
    }
}

pub(super) fn one(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::Delete)?;
    if let Some(page) = confirm_for(req, model)? {
        return Ok(page);
    }
    let (key, row) = row_of_path(req, model)?;
    access::require_for(req, model, Right::Delete, &row)?;
    let path = row_link(req, "delete", model, &key)?;
    let back = row_link(req, "row", model, &key)?;
    delete_or_ask(req, &site, model, vec![row], &path, back, *req.method() == Method::POST)
}

/// The rows that a form names.
#[derive(serde::Deserialize)]
struct Chosen {
    #[serde(default)]
    row: Vec<String>,
    /// `true` if all rows of the list are chosen, and not only those of a page.
    #[serde(default)]
    all: bool,
}

/// Returns the rows that the form of the request names, or all rows of the list that the query string names, if the user may
/// see them.
///
/// # Errors
/// Returns 400 if there are too many.
pub(super) fn chosen(req: &mut Request, site: &Site, model: &Registered) -> Result<Vec<Vec<Value>>> {
    let Chosen { row: keys, all } = req.form()?;
    let too_many = || Error::bad_request(text!("At most {count} rows can be changed at once. Narrow the list first.", count = MOST_CHOSEN));
    if all {
        let list = narrowed(req, site, model, &QueryString::of(req)?)?;
        let page = list.page(req.db()?, &Cursor::default(), u32::try_from(MOST_CHOSEN).unwrap_or(u32::MAX))?;
        return if page.next.is_some() { Err(too_many()) } else { Ok(page.items) };
    }
    if keys.len() > MOST_CHOSEN {
        return Err(too_many());
    }
    let list = access::rows(req, model)?;
    let keys: BTreeSet<String> = keys.into_iter().collect();
    let keys: Vec<Vec<Value>> = keys.iter().filter_map(|key| model.ops.read_key(key)).collect();
    // A row may have been deleted in the meantime.
    Ok(list.with_keys(req.db()?, &keys)?.into_iter().map(|(_, row)| row).collect())
}

/// Returns the first rows as a page names them, and the number of the others.
pub(super) fn named_rows(req: &mut Request, model: &Registered, rows: &[Vec<Value>]) -> Result<(Vec<RowView>, usize)> {
    let named = rows.iter().take(MOST_NAMED);
    let view = |row: &Vec<Value>| Ok(RowView { label: model.ops.label(row), url: row_link(req, "row", model, &model.ops.key_text(row))? });
    Ok((named.map(view).collect::<Result<_>>()?, rows.len().saturating_sub(MOST_NAMED)))
}

/// Deletes the rows that were chosen in a list and confirmed.
pub(super) fn several(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::Delete)?;
    if let Some(page) = confirm_for(req, model)? {
        return Ok(page);
    }
    let rows = chosen(req, &site, model)?;
    delete_several(req, &site, model, rows, true)
}

/// Deletes rows, or asks for a confirmation.
pub(super) fn delete_several(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    rows: Vec<Vec<Value>>,
    is_confirmed: bool,
) -> Result<Response> {
    access::require(req, model, Right::Delete)?;
    for row in &rows {
        access::require_for(req, model, Right::Delete, row)?;
    }
    // The page leads back to the same list.
    let query = QueryString::of(req)?.without(&["after", "before"]);
    let path = query.on(&link(req, "delete-several", &[("model", &model.meta().table)])?);
    let back = query.on(&link(req, "list", &[("model", &model.meta().table)])?);
    if rows.is_empty() {
        req.session().flash("warning", &text!("Choose rows first."));
        return Ok(Response::redirect(&back));
    }
    delete_or_ask(req, site, model, rows, &path, back, is_confirmed)
}

fn delete_or_ask(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    rows: Vec<Vec<Value>>,
    path: &str,
    back: String,
    is_confirmed: bool,
) -> Result<Response> {
    let models = site.all_models(req);
    let found = dependents(req.db()?, &models, model.meta(), &rows, MOST_ROWS)?;
    let refused = refused(req, site, &found)?;
    if is_confirmed && found.protected.is_empty() && refused.is_none() {
        return delete(req, model, &rows, &found);
    }
    let mut deleted = Vec::new();
    for (meta, rows) in &found.deleted {
        deleted.push(Affected::of(req, site, meta, rows, meta.plural.to_owned())?);
    }
    let mut of_fields = [Vec::new(), Vec::new()];
    for (views, found) in of_fields.iter_mut().zip([&found.protected, &found.released]) {
        for (meta, field, rows) in found {
            let label = match access::hides_reference(req, site, meta)? {
                true => meta.plural.to_owned(),
                false => format!("{} ({})", meta.plural, within_sentence(field.label)),
            };
            views.push(Affected::of(req, site, meta, rows, label)?);
        }
    }
    let [mut protected, released] = of_fields;
    if let Some(label) = refused {
        protected.push(Affected { label, count: None, items: Vec::new(), more: 0 });
    }
    let (named, more) = named_rows(req, model, &rows)?;
    let meta = model.meta();
    let crumbs = vec![Crumb::new(meta.plural, Some(link(req, "list", &[("model", &meta.table)])?)), Crumb::new(text!("Delete"), None)];
    let is_refused = is_confirmed;
    let context = context! {
        model => ModelView::of(req, model)?,
        rows => named,
        count => rows.len(),
        more,
        deleted,
        released,
        protected,
        has_more => found.has_more,
        keys => rows.iter().map(|row| model.ops.key_text(row)).collect::<Vec<_>>(),
        action_url => path,
        back,
    };
    let page = render(req, "admin/delete.html", meta.table, crumbs, context)?;
    Ok(if is_refused { page.with_status(StatusCode::CONFLICT) } else { page })
}

/// Returns which rows would be deleted as well, but may not be deleted by the user.
fn refused(req: &mut Request, site: &Site, found: &Dependents) -> Result<Option<String>> {
    if found.has_more && !may_delete_any(req, site)? {
        return Ok(Some(text!("More than {count} rows, which are too many to check whether you may delete them", count = MOST_ROWS)));
    }
    for (meta, rows) in &found.deleted {
        // The pairs of a relation belong to their rows.
        let Some(model) = site.find(meta.table) else { continue };
        let may_not = || Some(text!("{models} that you may not delete", models = meta.plural));
        if model.options.rows.is_some() {
            let keys: Vec<_> = rows.iter().map(|row| model.ops.key(row)).collect();
            if access::rows(req, model)?.with_keys(req.db()?, &keys)?.len() < rows.len() {
                return Ok(may_not());
            }
        }
        for row in rows {
            if !access::has_for(req, model, Right::Delete, row)? {
                return Ok(may_not());
            }
        }
    }
    Ok(None)
}

/// Returns whether the user may delete all rows that can be deleted together with others.
fn may_delete_any(req: &mut Request, site: &Site) -> Result<bool> {
    let is_free = |model: &Registered| model.options.rows.is_none() && model.options.can_delete.is_none() && !model.is_read_only();
    let follows = |field: &FieldMeta| field.references.is_some_and(|reference| reference.on_delete == OnDelete::Cascade);
    let mut models = site.models.iter().filter(|model| model.meta().fields.iter().any(follows));
    Ok(req.user()?.is_some_and(|user| user.is_superuser) && models.all(is_free))
}

/// Deletes rows, and records all rows that this deletes or changes.
fn delete(req: &mut Request, model: &Registered, rows: &[Vec<Value>], found: &Dependents) -> Result<Response> {
    let meta = model.meta();
    let recorder = Recorder::of(req)?;
    let site = Site::of(req)?;
    let deleted = in_savepoint(req, |req| {
        let db = req.db()?;
        // An undo goes backwards: it restores rows that others refer to, then rows that refer to them, and then references of kept rows.
        let all = found.deleted.iter().map(|(meta, rows)| (*meta, rows.as_slice())).chain([(meta, rows)]);
        let all = referring_first(all.filter(|(meta, _)| site.find(meta.table).is_some()));
        for (meta, row, before, after) in KeptRows::of(db, &site, &all, found)?.0.into_values() {
            recorder.record(db, &ops_of(meta), &row, Some(before), Some(after))?;
        }
        for (meta, row) in all {
            let before = state_of(db, &ops_of(meta), row, true)?;
            recorder.record(db, &ops_of(meta), row, Some(before), None)?;
        }
        for row in rows {
            saving::delete(req, model, row, |req| {
                let db = req.db()?;
                for link in meta.many_to_many {
                    model.ops.set_linked(db, link, row, &[])?;
                }
                // The row may have been deleted with another chosen one.
                if model.ops.find(db, &model.ops.key(row))?.is_some() {
                    model.ops.delete(db, row)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    });
    let back = QueryString::of(req)?.without(&["after", "before", FROM]).on(&link(req, "list", &[("model", &meta.table)])?);
    match deleted {
        Ok(()) => {
            let message = match rows {
                [row] => text!("{model} \"{row}\" has been deleted.", model = meta.label, row = model.ops.label(row)),
                rows => text!("{count} {models} have been deleted.", count = rows.len(), models = within_sentence(meta.plural)),
            };
            req.session().flash("success", &message);
        }
        Err(error) if refusal(&error).is_some() => req.session().flash("error", error.message()),
        Err(error) if is_refused_row(&error) || error.status() == StatusCode::CONFLICT => {
            req.session()
                .flash("error", &text!("Nothing was deleted, because rows have been changed in the meantime or others refer to them."));
        }
        Err(error) => return Err(error),
    }
    Ok(Response::redirect(&back))
}

/// Returns whether the database refused to delete a row because of the other rows.
fn is_refused_row(error: &Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error as DieselError};
    let Some(DieselError::DatabaseError(kind, _)) = error.find_source() else { return false };
    matches!(
        kind,
        DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::RestrictViolation
    )
}
