//! The state of a row, with the keys of the rows to which it is linked.

use lback_core::Result;
use lback_db::Db;
use lback_models::{ModelOps, Value};
use serde_json::{Map, Value as Json};

/// The fields of a row by name, in the format of `dumpdata`; and its many-to-many relations, as arrays of keys.
pub(crate) type RowState = Map<String, Json>;

/// Returns the state of a row. Hidden fields are included only for deleted rows, which can be restored.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) fn state_of(db: &mut Db, ops: &dyn ModelOps, row: &[Value], hidden: bool) -> Result<RowState> {
    let mut state = ops.row_to_json(row, hidden);
    for link in ops.meta().many_to_many {
        let mut keys: Vec<Json> = ops.linked(db, link, row)?.iter().map(key_json).collect();
        keys.sort_by_key(|key| (key.as_i64(), key.to_string()));
        state.insert(link.name.to_owned(), Json::Array(keys));
    }
    Ok(state)
}

/// Returns a key in the format that the state of a row has.
pub(crate) fn key_json(key: &Value) -> Json {
    match key {
        Value::Int(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        other => Json::from(format!("{other:?}")),
    }
}
