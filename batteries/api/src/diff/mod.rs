//! Compares two OpenAPI documents of an API, for its clients: `api diff`.
//!
//! A request of a client that worked must still work, and a response must not surprise it. So the values that the server accepts may only
//! become more, and those that it returns may only become fewer, except for new fields, which clients ignore.

mod operations;
mod schemas;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value as Json;

/// A difference between two documents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    place: Place,
    text: String,
    pub(crate) is_breaking: bool,
}

/// `breaking    DELETE /tickets/{id}: the operation is removed`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_breaking { "breaking  " } else { "compatible" };
        write!(f, "{kind}  {}: {}", self.place, self.text)
    }
}

/// The place of a change: a part of the document, and a field of the values that it describes, as a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    part: String,
    pointer: String,
}

impl Place {
    fn part(part: impl Into<String>) -> Self {
        Place { part: part.into(), pointer: String::new() }
    }

    fn field(&self, name: &str) -> Self {
        Place { part: self.part.clone(), pointer: format!("{}/{name}", self.pointer) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.part)?;
        if self.pointer.is_empty() { Ok(()) } else { write!(f, " {}", self.pointer) }
    }
}

/// The direction in which values travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Request,
    Response,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Request => "requests",
            Direction::Response => "responses",
        })
    }
}

/// A comparison of two documents.
struct Comparison<'d> {
    old: &'d Json,
    new: &'d Json,
    changes: Vec<Change>,
    /// The pairs of named schemas that have been compared.
    compared: BTreeSet<(Direction, &'d str, &'d str)>,
}

impl Comparison<'_> {
    fn add(&mut self, place: &Place, is_breaking: bool, text: impl Into<String>) {
        self.changes.push(Change { place: place.clone(), text: text.into(), is_breaking });
    }

    fn breaking(&mut self, place: &Place, text: impl Into<String>) {
        self.add(place, true, text);
    }

    fn compatible(&mut self, place: &Place, text: impl Into<String>) {
        self.add(place, false, text);
    }
}

/// Returns the changes from one document to another, those that break clients first.
pub(crate) fn changes(old: &Json, new: &Json) -> Vec<Change> {
    let mut comparison = Comparison { old, new, changes: Vec::new(), compared: BTreeSet::new() };
    comparison.document();
    comparison.changes.sort_by_key(|change| !change.is_breaking);
    comparison.changes
}

/// Reads a document that [`Document`](crate::document::Document) has written.
///
/// # Errors
/// Returns what is wrong with the text.
pub(crate) fn read(text: &str) -> Result<Json, String> {
    let document: Json = serde_json::from_str(text).map_err(|error| format!("it is not JSON ({error})"))?;
    match document["openapi"].as_str() {
        None => Err("it is JSON, but not an OpenAPI document".to_owned()),
        Some(version) if !version.starts_with("3.1.") => Err(format!("it is a document of OpenAPI {version}, and not of 3.1")),
        Some(_) if document["paths"]["/openapi.json"]["get"]["operationId"] != "openapi" => {
            Err("it is not the document of an API of Lback".to_owned())
        }
        Some(_) => Ok(document),
    }
}
