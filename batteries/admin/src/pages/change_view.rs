//! Changes of the history, as pages show them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use lback_core::{Request, Result, TimeZone};
use lback_db::RequestDb;
use lback_models::Value;
use serde::Serialize;
use serde_json::Value as Json;

use super::layout::{is_of_database, link, row_link};
use crate::access::{self, Right};
use crate::history::{Change, ChangeKind, RowState, admin_history, may_undo};
use crate::language::text;
use crate::shown::{json_text, label_of};
use crate::site::{Registered, Site};

/// The longest value of a field, in characters.
const LONGEST: usize = 300;

#[derive(Serialize)]
pub(super) struct ChangeView {
    at: String,
    who: String,
    address: String,
    action: String,
    kind: &'static str,
    model: String,
    label: String,
    url: Option<String>,
    note: String,
    fields: Vec<FieldChange>,
    undo: Option<String>,
    view: Option<String>,
}

#[derive(Serialize)]
struct FieldChange {
    label: String,
    before: Option<String>,
    after: Option<String>,
}

/// Returns the tables whose history the user may see.
pub(super) fn visible_tables(req: &mut Request, site: &Site) -> Result<Vec<&'static str>> {
    let mut tables = Vec::new();
    for model in &site.models {
        // The history does not know which rows the user may see.
        if model.options.rows.is_none() && access::has(req, model, Right::View)? {
            tables.push(model.meta().table);
        }
    }
    Ok(tables)
}

/// Returns changes as a page shows them.
pub(super) fn views(req: &mut Request, site: &Site, changes: &[Change]) -> Result<Vec<ChangeView>> {
    let batches: Vec<&str> = changes.iter().map(|change| change.batch.as_str()).collect();
    let undone = undone(req, &batches)?;
    let existing = existing(req, site, changes)?;
    let mut views = Vec::with_capacity(changes.len());
    for change in changes {
        if let Some(model) = site.find(&change.model) {
            views.push(view(req, model, change, &undone, &existing)?);
        }
    }
    Ok(views)
}

/// Returns the batches that have been undone.
fn undone(req: &mut Request, batches: &[&str]) -> Result<BTreeSet<String>> {
    if batches.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = admin_history::table.filter(admin_history::undoes.eq_any(batches)).select(admin_history::undoes).distinct();
    Ok(found.load::<Option<String>>(req.db()?)?.into_iter().flatten().collect())
}

/// Returns the tables and keys of the changed rows that still exist.
fn existing(req: &mut Request, site: &Site, changes: &[Change]) -> Result<BTreeSet<(&'static str, String)>> {
    let mut keys: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for change in changes {
        if let Some(model) = site.find(&change.model) {
            keys.entry(model.meta().table).or_default().insert(&change.row_key);
        }
    }
    let mut existing = BTreeSet::new();
    for (table, keys) in keys {
        let model = site.model(table)?;
        let keys: Vec<Vec<Value>> = keys.into_iter().filter_map(|key| model.ops.read_key(key)).collect();
        // A missing table of one model does not affect the history of the others.
        let found = req.db()?.transaction(|db| -> Result<Vec<String>> {
            let found = model.ops.list().with_keys(db, &keys)?;
            Ok(found.into_iter().map(|(key, _)| key).collect())
        });
        match found {
            Ok(found) => existing.extend(found.into_iter().map(|key| (table, key))),
            Err(error) if is_of_database(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(existing)
}

fn view(
    req: &mut Request,
    model: &Registered,
    change: &Change,
    undone: &BTreeSet<String>,
    existing: &BTreeSet<(&str, String)>,
) -> Result<ChangeView> {
    let meta = model.meta();
    let zone = req.time_zone();
    let (action, kind) = match change.action {
        ChangeKind::Change if change.impersonation() == Some(true) => (text!("began to act as"), "change"),
        ChangeKind::Change if change.impersonation() == Some(false) => (text!("stopped acting as"), "change"),
        ChangeKind::Create => (text!("added"), "create"),
        ChangeKind::Change => (text!("changed"), "change"),
        ChangeKind::Delete => (text!("deleted"), "delete"),
    };
    let needed = match change.action {
        ChangeKind::Create => Right::Delete,
        ChangeKind::Change => Right::Change,
        ChangeKind::Delete => Right::Add,
    };
    let is_undone = undone.contains(&change.batch);
    let is_of_row = change.impersonation().is_none();
    let may_undo = is_of_row && !is_undone && may_undo(req, model, needed)?;
    let note = match (&change.undoes, is_undone) {
        (_, true) => text!("undone since"),
        (Some(_), false) => text!("undoes an earlier change"),
        (None, false) => String::new(),
    };
    let exists = existing.contains(&(meta.table, change.row_key.clone()));
    Ok(ChangeView {
        at: zone.local(change.at).format("%Y-%m-%d %H:%M").to_string(),
        who: if change.user_name.is_empty() { text!("The program") } else { change.user_name.clone() },
        address: change.address.clone().unwrap_or_default(),
        action,
        kind,
        model: meta.label.to_owned(),
        label: change.label.clone(),
        url: exists.then(|| row_link(req, "row", model, &change.row_key)).transpose()?,
        note,
        fields: differences(model, &access::unseen_fields(req, model)?, change.before.as_deref(), change.after.as_deref(), zone),
        undo: may_undo.then(|| link(req, "undo", &[("batch", &change.batch)])).transpose()?,
        view: is_of_row.then(|| link(req, "state", &[("id", &change.id)])).transpose()?,
    })
}

/// Returns the fields that differ, except hidden ones and those that the user may not see.
fn differences(
    model: &Registered,
    unseen: &BTreeSet<&str>,
    before: Option<&RowState>,
    after: Option<&RowState>,
    zone: TimeZone,
) -> Vec<FieldChange> {
    let meta = model.meta();
    let names = meta.fields.iter().filter(|field| !field.hidden).map(|field| field.name);
    let names = names.chain(meta.many_to_many.iter().map(|link| link.name)).filter(|name| !unseen.contains(name));
    let text = |name: &str, state: Option<&RowState>| {
        let json = state?.get(name).filter(|json| !is_nothing(json))?;
        let text = json_text(meta.field(name), json, zone);
        Some(match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        })
    };
    let is_different = |name: &&str| before.and_then(|state| state.get(*name)) != after.and_then(|state| state.get(*name));
    let change = |name: &str| FieldChange {
        label: label_of(meta, name).unwrap_or(name).to_owned(),
        before: text(name, before),
        after: text(name, after),
    };
    names.filter(is_different).map(change).filter(|change| change.before.is_some() || change.after.is_some()).collect()
}

fn is_nothing(json: &Json) -> bool {
    json.is_null() || json.as_array().is_some_and(Vec::is_empty) || json.as_str().is_some_and(str::is_empty)
}

/// Returns the latest changes of tables.
pub(super) fn latest(req: &mut Request, tables: &[&str], most: i64) -> Result<Vec<Change>> {
    let found = Change::query().filter(admin_history::model.eq_any(tables)).order(admin_history::id.desc()).limit(most);
    Ok(found.load(req.db()?)?)
}
