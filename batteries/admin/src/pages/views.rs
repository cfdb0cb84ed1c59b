//! Views of a list that users have saved: they are links above the list.

use std::collections::BTreeSet;

use diesel::prelude::*;
use lback_auth::{RequestAuth, User};
use lback_core::{Error, Request, Response, Result};
use lback_db::RequestDb;
use lback_models::{QueryMethods as _, WritableModel as _};
use lback_session::RequestSession;
use serde::Serialize;

use super::columns;
use super::dates;
use super::filter_counts;
use super::layout::{link, site_and_table};
use super::list::{narrowed, page_size};
use crate::access::{self, Right};
use crate::language::text;
use crate::list_options::{Filtered, SAVED_PARAMETERS, Through};
use crate::model_admin::Listed;
use crate::query_string::QueryString;
use crate::saved_view::{NewSavedView, SavedView, admin_views};
use crate::site::{Registered, Site};

/// The maximum number of views of a user for a model, and of those that a list shows.
const MOST: i64 = 50;
const MOST_SHOWN: i64 = 200;
/// The maximum number of characters of a name, and of bytes of a query string.
const MOST_CHARACTERS: usize = 60;
const MOST_BYTES: usize = 2000;

/// The views above a list.
#[derive(Serialize)]
pub(super) struct ViewsView {
    items: Vec<ViewLink>,
    /// The address of the form that saves the present view.
    save: String,
    /// `true` if the user may share views.
    may_share: bool,
    most_characters: usize,
}

#[derive(Serialize)]
struct ViewLink {
    name: String,
    url: String,
    is_current: bool,
    is_shared: bool,
    /// The address of the form that deletes the view, if the user may.
    delete: Option<String>,
}

impl ViewsView {
    /// Returns the views of a model that the user sees.
    pub(super) fn of(req: &mut Request, site: &Site, model: &Registered, query: &QueryString, path: &str) -> Result<Self> {
        let table = model.meta().table;
        let user = req.require_login()?;
        let is_own = admin_views::user_id.eq(user.id);
        let visible = SavedView::query().filter(admin_views::model.eq(table)).filter(is_own.or(admin_views::is_shared));
        let saved: Vec<SavedView> = visible.order((admin_views::name, admin_views::id)).limit(MOST_SHOWN).load(req.db()?)?;
        let here = known(model, query);
        let unseen = unseen(req, site, model)?;
        let mut items = Vec::with_capacity(saved.len());
        for view in saved {
            let of_view = QueryString::parse(&view.query);
            if view.user_id != user.id && names_any(&of_view, &unseen) {
                continue;
            }
            let delete = link(req, "delete-view", &[("model", &table), ("id", &view.id)])?;
            items.push(ViewLink {
                is_current: of_view.text() == here.text(),
                url: of_view.on(path),
                delete: may_delete(&view, &user).then(|| here.on(&delete)),
                is_shared: view.is_shared,
                name: view.name,
            });
        }
        let save = here.on(&link(req, "save-view", &[("model", &table)])?);
        Ok(ViewsView { items, save, may_share: user.is_superuser, most_characters: MOST_CHARACTERS })
    }
}

/// Returns the names of the parameters that would reveal fields or rows that the user may not see.
fn unseen(req: &mut Request, site: &Site, model: &Registered) -> Result<BTreeSet<&'static str>> {
    let mut unseen = access::unseen_fields(req, model)?;
    let of_filters = model.options.filters.iter().filter_map(|filtered| match filtered {
        Filtered::Through(through) => Some(*through),
        Filtered::Named(_) => None,
    });
    let of_columns = model.options.list.iter().filter_map(|column| match column {
        Listed::Through(through) => Some(*through),
        _ => None,
    });
    for through in of_filters.chain(of_columns) {
        if !access::sees_through(req, site, model, through)? {
            unseen.insert(through.name);
        }
    }
    if model.options.dates.is_some_and(|field| unseen.contains(field.name)) {
        unseen.insert(dates::NAME);
    }
    Ok(unseen)
}

/// Returns whether a query string has one of these names, or sorts by one or shows its column.
fn names_any(query: &QueryString, names: &BTreeSet<&str>) -> bool {
    let is_any = |text: &str| names.iter().any(|name| text.strip_prefix(name).is_some_and(|end| end.is_empty() || end.starts_with('.')));
    let lists_any = |value: &str| value.split(',').any(|part| is_any(part.trim_start_matches('-')));
    query.iter().any(|(name, value)| is_any(name) || (["sort", "columns"].contains(&name) && lists_any(value)))
}

fn may_delete(view: &SavedView, user: &User) -> bool {
    view.user_id == user.id || (view.is_shared && user.is_superuser)
}

/// Returns the parameters that are those of a list of the model, without the place of a page.
fn known(model: &Registered, query: &QueryString) -> QueryString {
    let meta = model.meta();
    let is_of_filter = |name: &str| {
        let is_of = |through: &Through| name.strip_prefix(through.name).is_some_and(|end| ["", ".from", ".to", ".none"].contains(&end));
        if model.options.filters.iter().any(|filtered| matches!(filtered, Filtered::Through(through) if is_of(through))) {
            return true;
        }
        let (name, end) = name.split_once('.').map_or((name, ""), |(name, end)| (name, end));
        let is_field = meta.fields.iter().any(|field| field.name == name && !field.hidden);
        let is_link = meta.many_to_many.iter().any(|link| link.name == name);
        let is_own = model.options.own_filters.iter().any(|own| own.name == name);
        match end {
            "" => is_field || is_link || is_own,
            "from" | "to" | "none" | "key" => is_field,
            _ => false,
        }
    };
    query.only(|name| SAVED_PARAMETERS.contains(&name) || is_of_filter(name))
}

/// The form that saves a view.
#[derive(serde::Deserialize)]
struct Submitted {
    #[serde(default)]
    name: String,
    #[serde(default)]
    share: bool,
}

/// Saves the list that the query string names under a name. A view of the user with the same name is replaced.
pub(super) fn save(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    let Submitted { name, share } = req.form()?;
    let query = known(model, &QueryString::of(req)?);
    let back = query.on(&link(req, "list", &[("model", &table)])?);
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() || name.chars().count() > MOST_CHARACTERS {
        return refuse(req, &text!("Enter a name of at most {count} characters for the view.", count = MOST_CHARACTERS), &back);
    }
    check(req, &site, model, &query)?;
    let query = query.text();
    if query.len() > MOST_BYTES {
        return Err(Error::bad_request(text!("This view has too many conditions to be saved.")));
    }
    let user = req.require_login()?;
    if share && !user.is_superuser {
        return Err(Error::forbidden(text!("Only superusers share views.")));
    }
    let others = admin_views::table.filter(admin_views::user_id.eq(user.id)).filter(admin_views::model.eq(&table));
    if others.filter(admin_views::name.ne(&name)).row_count(req.db()?)? >= MOST {
        return refuse(req, &text!("You have {count} views of this list. Delete one first.", count = MOST), &back);
    }
    let new = NewSavedView { user_id: user.id, model: table, name: name.clone(), query, is_shared: share };
    SavedView::upsert(req.db()?, new, &["user_id", "model", "name"])?;
    req.session().flash("success", &text!("The view \"{name}\" has been saved.", name));
    Ok(Response::redirect(&back))
}

/// Checks that the list can be shown.
///
/// # Errors
/// Returns 400 if a value is invalid.
fn check(req: &mut Request, site: &Site, model: &Registered, query: &QueryString) -> Result<()> {
    narrowed(req, site, model, query)?;
    columns::chosen(req, site, model, query)?;
    filter_counts::are_wanted(query)?;
    page_size(model, query).map(drop)
}

fn refuse(req: &mut Request, message: &str, back: &str) -> Result<Response> {
    req.session().flash("error", message);
    Ok(Response::redirect(back))
}

pub(super) fn delete(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    let id: i64 = req.param("id")?;
    let user = req.require_login()?;
    let found: Option<SavedView> =
        SavedView::query().filter(admin_views::id.eq(id)).filter(admin_views::model.eq(&table)).first(req.db()?).optional()?;
    // Views of others are missing, too.
    let view = found.filter(|view| may_delete(view, &user)).ok_or_else(|| Error::not_found(text!("There is no such view.")))?;
    let name = view.name.clone();
    view.delete(req.db()?)?;
    req.session().flash("success", &text!("The view \"{name}\" has been deleted.", name));
    let query = known(model, &QueryString::of(req)?);
    Ok(Response::redirect(&query.on(&link(req, "list", &[("model", &table)])?)))
}
