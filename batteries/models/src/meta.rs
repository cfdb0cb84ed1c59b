//! The description of a model at run time: [`ModelMeta`], from which migrations, forms, the admin and the API are made.

use std::fmt;

use lback_core::Result;
use lback_forms::FormErrors;
use serde::{Deserialize, Serialize};

use crate::{NewValues, Value};

/// The type of a column, the same on all databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A whole number of 16 bits.
    SmallInt,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    BigInt,
    /// A number of 32 bits with a fraction.
    Float,
    /// A number of 64 bits with a fraction.
    Double,
    /// True or false.
    Bool,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A time of a day, without a time zone.
    DateTime,
    /// A moment: `timestamptz` on PostgreSQL, a text in UTC on SQLite.
    Timestamp,
    /// A length of time, in microseconds.
    Duration,
    /// A UUID.
    Uuid,
    /// A JSON document.
    Json,
    /// An exact number with a fraction: `numeric` on PostgreSQL, an integer in units of its last place on SQLite.
    Decimal,
}

/// The digits of an exact number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    /// The maximum number of digits, up to 18.
    pub max_digits: u32,
    /// How many of them are after the decimal point.
    pub decimal_places: u32,
}

/// A value that a column has by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    /// A text, the stored name of a choice, or the digits of a decimal.
    Text(&'static str),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// True or false.
    Bool(bool),
}

/// What sets a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auto {
    /// The application.
    No,
    /// The database, which numbers the rows.
    Id,
    /// Lback, at every change: the current time.
    Now,
    /// Lback, when the row is created: the current time.
    NowAdd,
    /// Lback, which counts the changes of the row.
    Version,
}

/// What happens to rows if the row that they refer to is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// It cannot be deleted.
    Restrict,
    /// They are deleted with it.
    Cascade,
    /// They refer to nothing.
    SetNull,
}

/// A reference to a row of another model, or of the same one.
#[derive(Clone, Copy)]
pub struct Reference {
    /// Returns the other model.
    pub model: fn() -> &'static ModelMeta,
    /// What happens if the other row is deleted.
    pub on_delete: OnDelete,
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The other model may refer to this one.
        f.debug_struct("Reference").field("model", &(self.model)().name).field("on_delete", &self.on_delete).finish()
    }
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Anything.
    Any,
    /// An e-mail address.
    Email,
    /// A URL.
    Url,
    /// The end of a URL: letters, digits, hyphens and underscores.
    Slug,
    /// The name of a stored file.
    File,
    /// The name of a stored image.
    Image,
    /// A text that matches a regular expression as a whole.
    Pattern(&'static str),
}

/// A field of a model.
#[derive(Clone, Copy, Debug)]
pub struct FieldMeta {
    /// The name of the struct's field.
    pub name: &'static str,
    /// The name of the column.
    pub column: &'static str,
    /// The human-readable name: `Published at`.
    pub label: &'static str,
    /// A hint for those who fill in the field, or an empty text.
    pub help: &'static str,
    /// The type of the column.
    pub kind: Kind,
    /// Whether the column may be NULL.
    pub null: bool,
    /// The values that are allowed, each with its label. Empty if any value is.
    pub choices: &'static [(&'static str, &'static str)],
    /// The value that the column has by default in the database.
    pub default: Option<Literal>,
    /// The maximum length in characters.
    pub max_length: Option<u32>,
    /// The digits of an exact number.
    pub digits: Option<Digits>,
    /// The smallest number that is allowed.
    pub min: Option<Literal>,
    /// The largest number that is allowed.
    pub max: Option<Literal>,
    /// What a text must look like.
    pub format: Format,
    /// Whether the text may have several lines.
    pub long: bool,
    /// Whether a form accepts empty text.
    pub blank: bool,
    /// Whether no two rows may have the same value.
    pub unique: bool,
    /// Whether the column has an index of its own.
    pub index: bool,
    /// The row that the field refers to.
    pub references: Option<Reference>,
    /// What sets the field's value.
    pub auto: Auto,
    /// Whether the field is kept from people, as a password's hash is.
    pub hidden: bool,
}

/// An index of several columns, or of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexMeta {
    /// The columns.
    pub columns: &'static [&'static str],
    /// Whether no two rows may have the same values.
    pub unique: bool,
    /// The condition of the rows that are in the index, in SQL. Empty if all are.
    pub condition: &'static str,
}

/// A condition that every row satisfies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CheckMeta {
    /// The name of the constraint, after that of the table.
    pub name: &'static str,
    /// The condition, in SQL that all databases have.
    pub condition: &'static str,
}

/// Rows of another model that belong to a row, through a table of pairs.
#[derive(Clone, Copy)]
pub struct ManyToManyMeta {
    /// The name, such as `tags`.
    pub name: &'static str,
    /// The human-readable name.
    pub label: &'static str,
    /// Returns the other model.
    pub model: fn() -> &'static ModelMeta,
    /// Returns the model of the pairs.
    pub through: fn() -> &'static ModelMeta,
    /// The field of the pairs that refers to the row.
    pub own: &'static str,
    /// The field of the pairs that refers to the row of the other model.
    pub other: &'static str,
}

impl fmt::Debug for ManyToManyMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManyToManyMeta").field("name", &self.name).field("model", &(self.model)().name).finish_non_exhaustive()
    }
}

/// A function that validates a row.
pub type Clean = fn(Vec<Value>, &mut FormErrors) -> Result<()>;

/// A model: its table, its fields, and how it is shown.
#[derive(Clone, Copy, Debug)]
pub struct ModelMeta {
    /// The name of the struct: `BlogPost`.
    pub name: &'static str,
    /// The name of the table: `blog_posts`.
    pub table: &'static str,
    /// The human-readable name: `Blog post`.
    pub label: &'static str,
    /// The name of several: `Blog posts`.
    pub plural: &'static str,
    /// The fields, in order.
    pub fields: &'static [FieldMeta],
    /// The columns of the primary key.
    pub primary_key: &'static [&'static str],
    /// The indexes that are not of one field alone.
    pub indexes: &'static [IndexMeta],
    /// The conditions of rows.
    pub checks: &'static [CheckMeta],
    /// The order of lists: columns, with a `-` before those that start with the largest.
    pub order: &'static [&'static str],
    /// The column by which people know a row.
    pub display: &'static str,
    /// The rows of other models that belong to a row.
    pub many_to_many: &'static [ManyToManyMeta],
    /// Whether `makemigrations` creates and changes the table.
    pub managed: bool,
    /// Returns the values of a new row that is not filled in. `None` for a model that is `read_only`.
    pub new_values: Option<fn() -> Result<NewValues>>,
    /// Validates a row, given as values in the order of the fields. `None` for a model that is `read_only`.
    pub clean: Option<Clean>,
}

impl ModelMeta {
    /// Returns the field with this name.
    pub fn field(&self, name: &str) -> Option<&'static FieldMeta> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns whether an index serves conditions on a column and an order by it.
    pub fn is_indexed(&self, column: &str) -> bool {
        let of_field = |field: &FieldMeta| field.unique || field.index;
        self.primary_key.first() == Some(&column)
            || self.field_of_column(column).is_some_and(of_field)
            || self.indexes.iter().any(|index| index.condition.is_empty() && index.columns.first() == Some(&column))
    }

    /// Returns the columns of the order, and whether each starts with the largest. The key comes last, in the direction of the column before
    /// it, so that no two rows have the same place.
    pub fn total_order(&self) -> Vec<(&'static str, bool)> {
        let part = |column: &&'static str| column.strip_prefix('-').map_or((*column, false), |column| (column, true));
        let mut order: Vec<_> = self.order.iter().map(part).collect();
        let descending = order.last().is_some_and(|(_, descending)| *descending);
        for key in self.primary_key {
            if !order.iter().any(|(column, _)| column == key) {
                order.push((key, descending));
            }
        }
        order
    }

    /// Returns the place of a column among the fields, and so of its value in a row.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.column == column)
    }

    /// Returns the field with this column.
    pub fn field_of_column(&self, column: &str) -> Option<&'static FieldMeta> {
        self.fields.iter().find(|field| field.column == column)
    }
}

/// Returns the field with this name. The derive has checked that there is one.
#[doc(hidden)]
pub const fn field_of(meta: &'static ModelMeta, name: &str) -> &'static FieldMeta {
    let mut at = 0;
    while at < meta.fields.len() {
        if is_same(meta.fields[at].name, name) {
            return &meta.fields[at];
        }
        at += 1;
    }
    // Only while the program is compiled.
    panic!("the model has no such field")
}

/// Returns the relation with this name. The derive has checked that there is one.
#[doc(hidden)]
pub const fn link_of(meta: &'static ModelMeta, name: &str) -> &'static ManyToManyMeta {
    let mut at = 0;
    while at < meta.many_to_many.len() {
        if is_same(meta.many_to_many[at].name, name) {
            return &meta.many_to_many[at];
        }
        at += 1;
    }
    // Only while the program is compiled.
    panic!("the model has no many-to-many relation with this name")
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
