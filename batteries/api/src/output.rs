//! Rows as JSON.

use std::collections::BTreeMap;

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::runtime::{ops_of, value_to_json};
use lback_models::{FieldMeta, Kind, List, ModelMeta, ModelOps as _, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use crate::query::Selection;
use crate::resource::Include;

type Row = Vec<Value>;

/// The rows to which the references of some rows lead, by the texts of their keys, for each include.
pub(crate) struct Included<'a>(Vec<(&'a Include, BTreeMap<String, Row>)>);

impl<'a> Included<'a> {
    /// Loads the rows of each include with one query.
    pub(crate) fn load(req: &mut Request, meta: &ModelMeta, selection: &Selection<'a>, rows: &[Row]) -> Result<Self> {
        let mut loaded = Vec::new();
        for include in &selection.includes {
            let at = meta.position(include.reference.column).unwrap_or_default();
            let mut keys: Vec<Vec<Value>> = Vec::new();
            let mut known = std::collections::BTreeSet::new();
            for key in rows.iter().filter_map(|row| row.get(at)).filter(|key| **key != Value::Null) {
                if known.insert(ops_of(include.to).key_text_of(std::slice::from_ref(key))) {
                    keys.push(vec![key.clone()]);
                }
            }
            let found = if keys.is_empty() { Vec::new() } else { List::of(include.to).with_keys(req.db()?, &keys)? };
            loaded.push((*include, found.into_iter().collect()));
        }
        Ok(Included(loaded))
    }
}

/// A row as the client sees it.
pub(crate) struct RowView<'a> {
    pub(crate) meta: &'static ModelMeta,
    pub(crate) fields: &'a [&'static FieldMeta],
    pub(crate) included: &'a Included<'a>,
    pub(crate) row: &'a [Value],
}

impl Serialize for RowView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_fields(&mut map, self.meta, self.fields, self.row)?;
        for (include, rows) in &self.included.0 {
            let key = self.meta.position(include.reference.column).and_then(|at| self.row.get(at));
            let row = key.and_then(|key| rows.get(&ops_of(include.to).key_text_of(std::slice::from_ref(key))));
            map.serialize_entry(include.name, &row.map(|row| IncludedRow { include, row }))?;
        }
        map.end()
    }
}

struct IncludedRow<'a> {
    include: &'a Include,
    row: &'a [Value],
}

impl Serialize for IncludedRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_fields(&mut map, self.include.to, &self.include.fields, self.row)?;
        map.end()
    }
}

fn write_fields<M: SerializeMap>(map: &mut M, meta: &ModelMeta, fields: &[&'static FieldMeta], row: &[Value]) -> Result<(), M::Error> {
    for field in fields {
        let value = meta.position(field.column).and_then(|at| row.get(at)).unwrap_or(&Value::Null);
        map.serialize_entry(field.name, &json_of(field, value))?;
    }
    Ok(())
}

/// Returns a value as JSON. A document is shown as it is, without the marks by which `loaddata` tells it from NULL.
fn json_of(field: &FieldMeta, value: &Value) -> Json {
    match (field.kind, value) {
        (Kind::Json, Value::Json(document)) => document.clone(),
        _ => value_to_json(field, value),
    }
}
