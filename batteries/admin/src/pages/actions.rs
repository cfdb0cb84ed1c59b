//! Actions on the rows that were chosen in a list.

use lback_core::{Error, Request, Response, Result};
use lback_db::RequestDb;
use lback_session::RequestSession;

use super::delete::{chosen, delete_several};
use super::layout::{link, site_and_table};
use super::list;
use crate::access::{self, Right};
use crate::history::Watched;
use crate::query_string::QueryString;

#[derive(serde::Deserialize)]
struct Submitted {
    #[serde(default)]
    action: String,
    /// Whether to save the columns that are changed in the list.
    #[serde(default)]
    save: bool,
}

pub(super) fn run(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    let Submitted { action: name, save } = req.form()?;
    if save {
        return list::save(req, &site, model);
    }
    let rows = chosen(req, &site, model)?;
    if name == "delete" {
        return delete_several(req, &site, model, rows, false);
    }
    let back = QueryString::of(req)?.without(&["after", "before"]).on(&link(req, "list", &[("model", &table)])?);
    if name.is_empty() || rows.is_empty() {
        req.session().flash("warning", if name.is_empty() { "Choose an action first." } else { "Choose rows first." });
        return Ok(Response::redirect(&back));
    }
    let unknown = || Error::bad_request("There is no such action.");
    let action = model.options.actions.iter().find(|action| action.name == name).ok_or_else(unknown)?;
    for row in &rows {
        access::require_for(req, model, Right::Change, row)?;
    }
    let watched = Watched::new(req.db()?, model.ops, &rows)?;
    let message = (action.run)(req, rows)?;
    watched.record(req, model)?;
    req.session().flash("success", &message);
    Ok(Response::redirect(&back))
}
