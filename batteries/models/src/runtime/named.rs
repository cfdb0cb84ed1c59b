//! Fields by the names that a configuration writes.

use lback_core::settings::nearest;

use crate::{FieldMeta, ModelMeta};

/// Returns the field with this name. A reference is also found without its `_id`.
///
/// # Errors
/// Returns a message if the model has no such field, or if it is hidden.
pub fn named_field(meta: &'static ModelMeta, name: &str) -> Result<&'static FieldMeta, String> {
    let reference = || meta.field(&format!("{name}_id")).filter(|field| field.references.is_some());
    match meta.field(name).or_else(reference) {
        Some(field) if field.hidden => Err(format!("{}.{name} is hidden", meta.name)),
        Some(field) => Ok(field),
        None => Err(unknown(meta, name)),
    }
}

fn unknown(meta: &ModelMeta, name: &str) -> String {
    let links = meta.many_to_many.iter().map(|link| link.name);
    let names: Vec<&str> = meta.fields.iter().filter(|field| !field.hidden).map(|field| field.name).chain(links).collect();
    match nearest(name, &names) {
        Some(likely) => format!("{} has no field \"{name}\"; did you mean \"{likely}\"?", meta.name),
        None => format!("{} has no field \"{name}\"; its fields are {}", meta.name, names.join(", ")),
    }
}
