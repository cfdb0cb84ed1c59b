//! Names of fields and relations, as the configuration writes them.

pub(crate) use lback_models::runtime::named_field as field;
use lback_models::{FieldMeta, ManyToManyMeta, ModelMeta};

/// A field or a many-to-many relation of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Named {
    Field(&'static FieldMeta),
    Link(&'static ManyToManyMeta),
}

impl Named {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Named::Field(field) => field.name,
            Named::Link(link) => link.name,
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Named::Field(field) => field.label,
            Named::Link(link) => link.label,
        }
    }

    /// Returns the model of the rows to which a reference or a relation leads.
    pub(crate) fn to(self) -> Option<&'static ModelMeta> {
        match self {
            Named::Field(field) => field.references.map(|reference| (reference.model)()),
            Named::Link(link) => Some((link.model)()),
        }
    }
}

/// Returns the field or relation with this name. A reference is also found without its `_id`.
///
/// # Errors
/// Returns a message if the model has nothing with this name, or if the field is hidden.
pub(crate) fn named(meta: &'static ModelMeta, name: &str) -> Result<Named, String> {
    if let Some(link) = meta.many_to_many.iter().find(|link| link.name == name) {
        return Ok(Named::Link(link));
    }
    field(meta, name).map(Named::Field)
}

/// Returns the field with this name, by which a list is sorted.
///
/// # Errors
/// Returns a message if the model has no such field, or if the name follows a reference.
pub(crate) fn sortable(meta: &'static ModelMeta, name: &str) -> Result<&'static FieldMeta, String> {
    match name.split_once('.') {
        Some(_) => Err(format!(
            "{} cannot be sorted by \"{name}\", because no index serves the order of another table: copy the value to a field of {}",
            meta.name, meta.name
        )),
        None => field(meta, name),
    }
}
