//! Reads the parts of a JSON document. A part that is missing, or of another type, is empty.

use serde_json::{Map, Value as Json};

/// Returns the text, or an empty one.
pub(crate) fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the elements of a list.
pub(crate) fn list(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().into_iter().flatten()
}

/// Returns the members of an object.
pub(crate) fn members(value: &Json) -> impl Iterator<Item = (&str, &Json)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}
