//! [`Filter`], a condition on rows.

use crate::{FieldMeta, ManyToManyMeta, Value};

/// A way to compare a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The values are equal.
    Equal,
    /// The field's value is larger or equal.
    AtLeast,
    /// The field's value is smaller or equal.
    AtMost,
    /// The field's value is smaller.
    Below,
    /// The field's value is larger.
    Above,
}

/// A condition on rows. Names come from the description of the model, and values are bound.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Filter {
    /// The value of a field compares in this way to another value.
    Compare(&'static FieldMeta, Comparison, Value),
    /// A field has one of these values.
    OneOf(&'static FieldMeta, Vec<Value>),
    /// A field is NULL, or is not NULL.
    Null(&'static FieldMeta, bool),
    /// A field, as text, contains a text, without regard to case.
    Contains(&'static FieldMeta, String),
    /// A field, as text, equals a text, without regard to case.
    Equals(&'static FieldMeta, String),
    /// A row is linked to the one with this key.
    Linked(&'static ManyToManyMeta, Value),
    /// The row that a reference refers to satisfies a condition.
    Reference(&'static FieldMeta, Box<Filter>),
    /// At least one of the conditions is true.
    Any(Vec<Filter>),
    /// All of the conditions are true.
    All(Vec<Filter>),
}

impl Filter {
    /// Returns the condition that a field has a value, which may be NULL.
    pub fn equal(field: &'static FieldMeta, value: Value) -> Self {
        match value {
            Value::Null => Filter::Null(field, true),
            value => Filter::Compare(field, Comparison::Equal, value),
        }
    }
}
