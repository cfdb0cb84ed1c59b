//! The primary keys of a file, and the rows that have them.

use std::collections::HashMap;

use lback_core::Result;
use lback_db::Db;
use lback_models::{List, Value};

use crate::site::Registered;

/// Returns the rows with these keys that the user may see, by the texts of their keys.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) fn existing(db: &mut Db, model: &Registered, list: &List, keys: &[Vec<Value>]) -> Result<HashMap<String, Vec<Value>>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    if let [_] = model.meta().primary_key {
        return Ok(list.with_keys(db, keys.concat())?.into_iter().collect());
    }
    let mut rows = HashMap::new();
    for key in keys {
        rows.extend(list.find(db, key)?.map(|row| (model.ops.key_text(&row), row)));
    }
    Ok(rows)
}

/// Returns a primary key as text.
pub(super) fn key_text(model: &Registered, key: &[Value]) -> String {
    let meta = model.meta();
    let mut row = vec![Value::Null; meta.fields.len()];
    for (column, value) in meta.primary_key.iter().zip(key) {
        if let Some(at) = meta.position(column) {
            row[at] = value.clone();
        }
    }
    model.ops.key_text(&row)
}

/// The primary key of a row of the file.
pub(super) enum Key {
    /// The file has no key: the row is added.
    New,
    Of(Vec<Value>),
    Invalid,
}

impl Key {
    /// Returns the key, if there is a valid one.
    pub(super) fn known(&self) -> Option<Vec<Value>> {
        match self {
            Key::Of(key) => Some(key.clone()),
            Key::New | Key::Invalid => None,
        }
    }
}
