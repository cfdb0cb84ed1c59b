//! The rows that others refer to.

use std::collections::{BTreeMap, HashMap, HashSet};

use lback_core::{Error, Result};
use lback_db::Db;
use serde_json::{Map, Value as Json};

use super::json::{from_json, one_line};
use super::load::unknown_field;
use super::natural::text_of;
use super::statements::{existing, find};
use crate::{FieldMeta, ModelMeta, Value};

/// The most keys that are kept in memory.
const MOST_KNOWN: usize = 10_000;

/// The keys of rows that were found by their fields.
#[derive(Default)]
pub(super) struct Lookups {
    known: HashMap<(&'static str, String), Value>,
}

impl Lookups {
    /// Returns the primary key of the row that has these fields, or `None` if there is none. `refused` makes an error of a message.
    ///
    /// # Errors
    /// Returns an error if a field is unknown or its value is invalid, or if there are several such rows.
    pub(super) fn find(
        &mut self,
        db: &mut Db,
        meta: &'static ModelMeta,
        fields: &Map<String, Json>,
        refused: &dyn Fn(String) -> Error,
    ) -> Result<Option<Value>> {
        let known = (meta.table, one_line(&Json::Object(fields.clone())));
        if let Some(key) = self.known.get(&known) {
            return Ok(Some(key.clone()));
        }
        let Some(key) = key_of(meta) else { return Err(refused(format!("{} has no primary key of one field", meta.name))) };
        let mut values: Vec<(&'static FieldMeta, Value)> = Vec::new();
        for (name, json) in fields {
            let field = meta.field(name).ok_or_else(|| refused(unknown_field(meta, name)))?;
            let value = match (field.references, json) {
                (Some(reference), Json::Object(fields)) => match self.find(db, (reference.model)(), fields, refused)? {
                    Some(key) => key,
                    None => return Ok(None),
                },
                (_, json) => from_json(field, json.clone()).map_err(|message| refused(format!("{name}: {message}")))?,
            };
            if value == Value::Null {
                return Err(refused(format!("{name}: a row cannot be found by NULL")));
            }
            values.push((field, value));
        }
        if values.is_empty() {
            return Err(refused(format!("name a row of {} by its fields", meta.table)));
        }
        let mut found = find(db, meta, key, &values)?;
        if found.len() > 1 {
            return Err(refused(format!("several rows of {} are {}", meta.table, known.1)));
        }
        let found = found.pop();
        if let Some(key) = &found {
            if self.known.len() >= MOST_KNOWN {
                self.known.clear();
            }
            self.known.insert(known, key.clone());
        }
        Ok(found)
    }
}

/// Returns those of the keys that rows of the model have, as text.
pub(super) fn existing_keys(db: &mut Db, meta: &'static ModelMeta, keys: impl Iterator<Item = Value>) -> Result<HashSet<String>> {
    let Some(key) = key_of(meta) else { return Ok(HashSet::new()) };
    let keys: BTreeMap<String, Value> = keys.map(|value| (text_of(key, &value), value)).collect();
    let found = existing(db, meta, key, &keys.into_values().collect::<Vec<_>>())?;
    Ok(found.iter().map(|value| text_of(key, value)).collect())
}

/// Returns the field of the primary key, if it is one.
fn key_of(meta: &'static ModelMeta) -> Option<&'static FieldMeta> {
    match meta.primary_key {
        [column] => meta.field_of_column(column),
        _ => None,
    }
}
