//! The primary keys of a file.

use lback_models::Value;

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
