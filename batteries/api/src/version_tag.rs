//! `ETag` and `If-Match`: the version of a row that a client has read.

use std::hash::{DefaultHasher, Hash, Hasher};

use lback_core::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use lback_core::{Error, Request, Result, StatusCode};
use lback_models::{Auto, FieldMeta, ModelMeta, Value};

/// The place of the version in a row, and a mark of the fields that the API shows. Another release of the application may show other fields,
/// and then gives the same row another tag, so that caches do not confuse them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VersionTag {
    at: usize,
    mark: u32,
}

impl VersionTag {
    /// Returns `None` if the model has no `version`.
    pub(crate) fn of(meta: &ModelMeta, fields: &[&'static FieldMeta]) -> Option<Self> {
        let at = meta.fields.iter().position(|field| field.auto == Auto::Version)?;
        let mut hasher = DefaultHasher::new();
        fields.iter().for_each(|field| field.name.hash(&mut hasher));
        // 32 bits are enough to distinguish releases.
        Some(VersionTag { at, mark: hasher.finish() as u32 })
    }

    /// Returns the `ETag` of a row.
    pub(crate) fn tag(self, row: &[Value]) -> Option<String> {
        match row.get(self.at) {
            Some(Value::Int(version)) => Some(format!("\"{version}-{:x}\"", self.mark)),
            _ => None,
        }
    }
}

/// Checks that the row has the version that the client has read.
///
/// # Errors
/// Returns 412 if `If-Match` names another version, and 428 if it is required and missing.
pub(crate) fn check(req: &Request, tag: Option<&str>, is_required: bool) -> Result<()> {
    match tags(req.headers(), &IF_MATCH) {
        None if is_required => {
            let message = "Send the ETag of the row in the header If-Match, so that a change by someone else is not overwritten.";
            Err(Error::new(StatusCode::PRECONDITION_REQUIRED, message))
        }
        // A weak tag matches nothing here.
        Some(tags) if !tags.iter().any(|sent| sent == "*" || Some(sent.as_str()) == tag) => {
            Err(Error::new(StatusCode::PRECONDITION_FAILED, "The row has been changed since. Get it again, and repeat the change."))
        }
        _ => Ok(()),
    }
}

/// Returns whether the client has this row already.
pub(crate) fn is_known(req: &Request, tag: &str) -> bool {
    let is_same = |sent: &String| sent == "*" || sent.strip_prefix("W/").unwrap_or(sent) == tag;
    tags(req.headers(), &IF_NONE_MATCH).is_some_and(|tags| tags.iter().any(is_same))
}

/// Returns the tags of a header. They contain no commas here.
fn tags(headers: &HeaderMap, name: &lback_core::header::HeaderName) -> Option<Vec<String>> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    headers.contains_key(name).then(|| values.iter().flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect())
}
