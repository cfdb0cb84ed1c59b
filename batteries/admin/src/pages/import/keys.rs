//! The primary keys of a file.

use lback_models::Value;

use crate::site::Registered;

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
