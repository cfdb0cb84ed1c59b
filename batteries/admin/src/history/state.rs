//! The state of a row, with the keys of the rows to which it is linked.

use std::collections::BTreeMap;
use std::slice;

use lback_core::Result;
use lback_db::Db;
use lback_models::{ManyToManyMeta, ModelOps, Value};
use serde_json::{Map, Value as Json};

/// The fields of a row by name, in the format of `dumpdata`; and its many-to-many relations, as arrays of keys.
pub(crate) type RowState = Map<String, Json>;

/// The keys of the rows to which rows are linked, by the name of the relation and the text of the row's key.
pub(crate) struct LinkedKeys(BTreeMap<(&'static str, String), Vec<Value>>);

impl LinkedKeys {
    /// Returns the links of rows, with one query for each relation of their model.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) fn of(db: &mut Db, ops: &dyn ModelOps, rows: &[Vec<Value>]) -> Result<Self> {
        let mut linked = BTreeMap::<_, Vec<_>>::new();
        for link in ops.meta().many_to_many {
            for (own, other) in ops.linked_of_all(db, link, rows)? {
                linked.entry((link.name, ops.key_text_of(slice::from_ref(&own)))).or_default().push(other);
            }
        }
        Ok(LinkedKeys(linked))
    }

    /// Returns the keys of the rows to which the row with this key is linked by a relation.
    pub(crate) fn keys(&self, link: &ManyToManyMeta, key: String) -> &[Value] {
        self.0.get(&(link.name, key)).map_or(&[], Vec::as_slice)
    }

    /// Returns the state of one of the rows. Hidden fields are included only for deleted rows, which can be restored.
    pub(crate) fn state(&self, ops: &dyn ModelOps, row: &[Value], hidden: bool) -> RowState {
        let mut state = ops.row_to_json(row, hidden);
        for link in ops.meta().many_to_many {
            let mut keys: Vec<Json> = self.keys(link, ops.key_text(row)).iter().map(key_json).collect();
            keys.sort_by_key(|key| (key.as_i64(), key.to_string()));
            state.insert(link.name.to_owned(), Json::Array(keys));
        }
        state
    }
}

/// Returns the state of a row. Hidden fields are included only for deleted rows, which can be restored.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) fn state_of(db: &mut Db, ops: &dyn ModelOps, row: &[Value], hidden: bool) -> Result<RowState> {
    Ok(LinkedKeys::of(db, ops, &[row.to_vec()])?.state(ops, row, hidden))
}

/// Returns a key in the format that the state of a row has.
pub(crate) fn key_json(key: &Value) -> Json {
    match key {
        Value::Int(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        other => Json::from(format!("{other:?}")),
    }
}
