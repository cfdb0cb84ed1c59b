//! Finds rows for the command palette, and choices for fields that refer to rows.

use diesel::Connection as _;
use lback_core::{Error, Request, Response, Result};
use lback_db::RequestDb;
use serde::Serialize;

use super::layout::{is_of_database, row_link, site_and_table};
use crate::access::{self, Right};
use crate::language::text;
use crate::names::named;
use crate::query_string::QueryString;
use crate::site::Site;

/// The maximum number of rows that the palette shows for each model, and in all.
const MOST_OF_MODEL: u32 = 5;
const MOST: usize = 20;
/// The maximum number of characters that are searched for. SQLite refuses long patterns.
const MOST_CHARACTERS: usize = 200;
/// The maximum number of choices of a field.
const MOST_CHOICES: u32 = 50;

#[derive(Serialize)]
struct Found {
    label: String,
    hint: &'static str,
    url: String,
}

pub(super) fn find(req: &mut Request) -> Result<Response> {
    let site = Site::of(req)?;
    let query = QueryString::of(req)?;
    let text = query.get("q").unwrap_or_default().trim();
    let text: String = text.chars().filter(|c| *c != '\0').take(MOST_CHARACTERS).collect();
    let mut found = Vec::new();
    // Shorter texts are in too many rows.
    if text.chars().count() >= 2 {
        for model in &site.models {
            if found.len() >= MOST || !access::has(req, model, Right::View)? {
                continue;
            }
            let list = access::rows(req, model)?;
            // A missing table of one model does not affect the others.
            let rows = match req.db()?.transaction(|db| list.search_labels(db, &text, MOST_OF_MODEL)) {
                Err(error) if is_of_database(&error) => continue,
                rows => rows?,
            };
            for row in rows {
                let url = row_link(req, "row", model, row.value())?;
                found.push(Found { label: row.label().to_owned(), hint: model.meta().label, url });
            }
        }
    }
    json(&found)
}

#[derive(Serialize)]
struct ChoiceView {
    value: String,
    label: String,
}

/// The rows that a field can refer to, for a search while the visitor types.
pub(super) fn choices(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    let may = access::has(req, model, Right::Change)? || access::has(req, model, Right::Add)?;
    if !may {
        access::require(req, model, Right::Change)?;
    }
    let name: String = req.param("field")?;
    let unknown = || Error::not_found(text!("There are no choices for this field."));
    let named = named(model.meta(), &name).map_err(|_| unknown())?;
    if !access::changes_field(req, model, named.name())? {
        return Err(unknown());
    }
    let to = named.to().ok_or_else(unknown)?;
    let list = access::visible(req, &site, to)?.ok_or_else(|| Error::forbidden(text!("You are not allowed to see these rows.")))?;
    let query = QueryString::of(req)?;
    let found = list.search_labels(req.db()?, query.get("q").unwrap_or_default().trim(), MOST_CHOICES)?;
    let view = |choice: &lback_forms::Choice| ChoiceView { value: choice.value().to_owned(), label: choice.label().to_owned() };
    json(&found.iter().map(view).collect::<Vec<_>>())
}

fn json(value: &impl Serialize) -> Result<Response> {
    Response::json(value)?.with_header("cache-control", "no-store")
}
