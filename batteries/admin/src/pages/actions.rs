//! Actions on the rows that were chosen in a list.

use lback_core::{Context, Error, Request, Response, Result};
use lback_db::RequestDb;
use lback_models::Value;
use lback_session::RequestSession;

use super::confirm::confirm_for;
use super::delete::{chosen, delete_several, named_rows};
use super::layout::{Crumb, ModelView, link, render, site_and_table};
use super::list;
use crate::access::{self, Right};
use crate::history::Watched;
use crate::language::text;
use crate::model_admin::{Action, Outcome, Sent};
use crate::query_string::QueryString;
use crate::site::Registered;

#[derive(serde::Deserialize)]
struct Submitted {
    #[serde(default)]
    action: String,
    /// `true` to save the columns that are changed in the list.
    #[serde(default)]
    save: bool,
    /// `true` if the request contains the form of the action.
    #[serde(default)]
    sent: bool,
}

pub(super) fn run(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    let Submitted { action: name, save, sent } = req.form()?;
    // A deletion is confirmed on a page of its own.
    if (save || name != "delete")
        && access::has(req, model, Right::Change)?
        && let Some(page) = confirm_for(req, model)?
    {
        return Ok(page);
    }
    if save {
        return list::save(req, &site, model);
    }
    let rows = chosen(req, &site, model)?;
    if name == "delete" {
        return delete_several(req, &site, model, rows, false);
    }
    let here = QueryString::of(req)?.without(&["after", "before"]).on(&link(req, "list", &[("model", &table)])?);
    if name.is_empty() || rows.is_empty() {
        req.session().flash("warning", &if name.is_empty() { text!("Choose an action first.") } else { text!("Choose rows first.") });
        return Ok(Response::redirect(&here));
    }
    let unknown = || Error::bad_request(text!("There is no such action."));
    let action = model.options.actions.iter().find(|action| action.name == name).ok_or_else(unknown)?;
    for row in &rows {
        access::require_for(req, model, Right::Change, row)?;
    }
    let watched = Watched::new(req.db()?, model.ops, &rows)?;
    let sent = if sent { Sent::Form } else { Sent::Nothing };
    match (action.run)(req, rows.clone(), sent)? {
        Outcome::Ask(form) => ask(req, model, action, &rows, form, &here),
        Outcome::Done(message) => {
            watched.record(req, model)?;
            req.session().flash("success", &message);
            Ok(Response::redirect(&here))
        }
    }
}

/// Returns the page with the form of an action, which is sent to the list again, together with the chosen rows.
fn ask(req: &mut Request, model: &Registered, action: &Action, rows: &[Vec<Value>], form: Context, here: &str) -> Result<Response> {
    let (named, more) = named_rows(req, model, rows)?;
    let mut context = form;
    context.insert("model", &ModelView::of(req, model)?);
    context.insert("name", action.name);
    context.insert("label", action.label);
    context.insert("rows", &named);
    context.insert("more", &more);
    context.insert("count", &rows.len());
    context.insert("keys", &rows.iter().map(|row| model.ops.key_text(row)).collect::<Vec<_>>());
    context.insert("here", here);
    let meta = model.meta();
    let crumbs = vec![Crumb::new(meta.plural, Some(here.to_owned())), Crumb::new(action.label, None)];
    render(req, "admin/action.html", meta.table, crumbs, context)
}
