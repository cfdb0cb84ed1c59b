//! Rows that are named by their unique fields instead of by their numbers.

use std::collections::{BTreeMap, HashMap};

use lback_core::Result;
use lback_db::Db;
use serde_json::Value as Json;

use super::json::to_json;
use super::statements::number;
use crate::rows::find_in;
use crate::{Auto, FieldMeta, ModelMeta, Value};

/// Returns the fields by which a row is named: the first ones that are unique and never NULL. `None` if there are none, or if the rows
/// have no numbers, so that their primary key is as good.
pub(super) fn natural_key(meta: &'static ModelMeta) -> Option<Vec<&'static FieldMeta>> {
    number(meta)?;
    let leads_back =
        |field: &FieldMeta| field.references.is_some_and(|to| number((to.model)()).is_some() && plain_key((to.model)()).is_none());
    plain_key(meta).or_else(|| unique_fields(meta).find(|fields| fields.iter().all(|field| !field.null && !leads_back(field))))
}

/// Returns the fields of a natural key without references.
fn plain_key(meta: &'static ModelMeta) -> Option<Vec<&'static FieldMeta>> {
    unique_fields(meta).find(|fields| fields.iter().all(|field| !field.null && field.references.is_none()))
}

/// Returns the fields that are unique together, those that are unique alone first; without the primary key.
pub(super) fn unique_fields(meta: &'static ModelMeta) -> impl Iterator<Item = Vec<&'static FieldMeta>> {
    let alone = meta.fields.iter().filter(|field| field.unique && field.auto == Auto::No).map(|field| vec![field]);
    let indexes = meta.indexes.iter().filter(|index| index.unique && index.condition.is_empty());
    let together = indexes.filter_map(|index| index.columns.iter().map(|column| meta.field_of_column(column)).collect());
    alone.chain(together)
}

/// Returns the text by which a value of a field is found in a map.
pub(super) fn text_of(field: &FieldMeta, value: &Value) -> String {
    to_json(field, value).to_string()
}

/// The names of the rows that a field refers to, by their keys as text.
type Names = HashMap<String, Json>;

/// Returns some fields of rows as JSON. With `natural`, references are natural keys.
pub(super) fn rows_as_json(
    db: &mut Db,
    meta: &'static ModelMeta,
    fields: &[&'static FieldMeta],
    rows: &[Vec<Value>],
    natural: bool,
) -> Result<Vec<Vec<Json>>> {
    let mut columns: Vec<(usize, &'static FieldMeta, Names)> = Vec::new();
    for field in fields {
        let Some(at) = meta.position(field.column) else { continue };
        let to = field.references.map(|reference| (reference.model)()).filter(|to| natural && natural_key(to).is_some());
        let names = match to {
            Some(to) => names_of(db, to, rows.iter().filter_map(|row| row.get(at)))?,
            None => Names::new(),
        };
        columns.push((at, field, names));
    }
    let as_json = |row: &Vec<Value>| {
        let values = columns.iter().map(|(at, field, names)| {
            let value = row.get(*at).unwrap_or(&Value::Null);
            names.get(&text_of(field, value)).cloned().unwrap_or_else(|| to_json(field, value))
        });
        values.collect()
    };
    Ok(rows.iter().map(as_json).collect())
}

/// Returns the natural keys of the rows with these primary keys.
fn names_of<'a>(db: &mut Db, meta: &'static ModelMeta, keys: impl Iterator<Item = &'a Value>) -> Result<Names> {
    let (Some(key), Some(own)) = (number(meta), natural_key(meta)) else { return Ok(Names::new()) };
    let keys: BTreeMap<String, Value> =
        keys.filter(|value| **value != Value::Null).map(|value| (text_of(key, value), value.clone())).collect();
    let rows = find_in(meta, db, key.column, &keys.into_values().collect::<Vec<_>>())?;
    let of_rows = rows_as_json(db, meta, &own, &rows, true)?;
    let at = meta.position(key.column).unwrap_or(0);
    let name = |(row, values): (&Vec<Value>, Vec<Json>)| {
        let name = own.iter().zip(values).map(|(field, json)| (field.name.to_owned(), json)).collect();
        (row.get(at).map(|value| text_of(key, value)).unwrap_or_default(), Json::Object(name))
    };
    Ok(rows.iter().zip(of_rows).map(name).collect())
}
