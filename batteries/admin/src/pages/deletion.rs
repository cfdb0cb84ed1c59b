//! Prepares a deletion for the history, so that it can be undone: the rows that stay, and the order of the deleted rows.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use lback_core::Result;
use lback_db::Db;
use lback_models::runtime::{Dependents, form_texts, ops_of};
use lback_models::{ModelMeta, ModelOps, Value};
use serde_json::Value as Json;

use crate::history::{RowState, key_json, state_of};
use crate::site::Site;

/// A row that stays, with its state before and after the deletion.
pub(super) type Kept = (&'static ModelMeta, Vec<Value>, RowState, RowState);

/// The rows that stay, by table and key.
#[derive(Default)]
pub(super) struct KeptRows(pub(super) BTreeMap<(&'static str, String), Kept>);

impl KeptRows {
    /// Returns the rows that stay, but lose a reference or a link.
    pub(super) fn of(db: &mut Db, site: &Site, deleted: &[(&'static ModelMeta, &Vec<Value>)], found: &Dependents) -> Result<Self> {
        let mut kept = KeptRows::default();
        for (meta, field, rows) in found.released.iter().filter(|(meta, ..)| site.find(meta.table).is_some()) {
            for row in rows {
                kept.after(db, meta, row)?.insert(field.name.to_owned(), Json::Null);
            }
        }
        let deleted: BTreeSet<(&str, String)> = deleted.iter().map(|(meta, row)| (meta.table, ops_of(meta).key_text(row))).collect();
        for (pairs, rows) in found.deleted.iter().filter(|(pairs, _)| site.find(pairs.table).is_none()) {
            for model in &site.models {
                for link in model.meta().many_to_many.iter().filter(|link| (link.through)().table == pairs.table) {
                    let place = |name: &str| pairs.fields.iter().position(|field| field.name == name);
                    let (Some(own), Some(other)) = (place(link.own), place(link.other)) else { continue };
                    for pair in rows {
                        let Some(row) = model.ops.find(db, &pair[own..=own])? else { continue };
                        if deleted.contains(&(model.meta().table, model.ops.key_text(&row))) {
                            continue;
                        }
                        if let Some(Json::Array(keys)) = kept.after(db, model.meta(), &row)?.get_mut(link.name) {
                            keys.retain(|key| *key != key_json(&pair[other]));
                        }
                    }
                }
            }
        }
        Ok(kept)
    }

    /// Returns the state of a row after the deletion.
    fn after(&mut self, db: &mut Db, meta: &'static ModelMeta, row: &[Value]) -> Result<&mut RowState> {
        let key = (meta.table, ops_of(meta).key_text(row));
        let (.., after) = match self.0.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let state = state_of(db, &ops_of(meta), row, false)?;
                new.insert((meta, row.to_vec(), state.clone(), state))
            }
        };
        Ok(after)
    }
}

/// Returns rows in an order in which each comes before those to which it refers.
pub(super) fn referring_first<'a>(
    groups: impl IntoIterator<Item = (&'static ModelMeta, &'a [Vec<Value>])>,
) -> Vec<(&'static ModelMeta, &'a Vec<Value>)> {
    let rows: Vec<_> = groups.into_iter().flat_map(|(meta, rows)| rows.iter().map(move |row| (meta, row))).collect();
    let places: BTreeMap<(&str, String), usize> =
        rows.iter().enumerate().map(|(at, (meta, row))| ((meta.table, ops_of(meta).key_text(row)), at)).collect();
    let referred = |at: usize| {
        let (meta, row) = rows[at];
        let references = meta.fields.iter().zip(row).filter_map(|(field, value)| Some((field, (field.references?.model)().table, value)));
        references
            .filter_map(|(field, table, value)| Some((table, form_texts(field, value).pop()?)))
            .filter_map(|key| places.get(&key).copied())
    };
    // A row is done when all rows to which it refers are done. Rows that refer to each other in a circle come in any order.
    let (mut seen, mut done) = (vec![false; rows.len()], vec![false; rows.len()]);
    let mut order = Vec::with_capacity(rows.len());
    for start in 0..rows.len() {
        let mut waiting = vec![start];
        while let Some(&at) = waiting.last() {
            if seen[at] {
                waiting.pop();
                if !done[at] {
                    done[at] = true;
                    order.push(rows[at]);
                }
            } else {
                seen[at] = true;
                waiting.extend(referred(at).filter(|other| !seen[*other]));
            }
        }
    }
    order.reverse();
    order
}
