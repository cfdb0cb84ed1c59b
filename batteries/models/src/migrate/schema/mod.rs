//! [`Schema`], the tables of models at one point in time.

mod compare;
mod json;
mod of_models;

pub(crate) use json::{kind_name, on_delete_name};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Dialect;
use crate::meta::{Digits, Kind, OnDelete};

/// The tables of an application's models at one point in time, by their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// The tables, by their names.
    pub tables: BTreeMap<String, Table>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The columns. Their order is that of the model's fields; databases append new ones, so it is not compared.
    pub columns: Vec<Column>,
    /// The columns of the primary key.
    pub primary_key: Vec<String>,
    /// The indexes, without that of the primary key.
    #[serde(default)]
    pub indexes: BTreeSet<Index>,
    /// The conditions that every row satisfies.
    #[serde(default)]
    pub checks: BTreeSet<Check>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(with = "json::kind")]
    pub kind: Kind,
    /// Whether it may be NULL.
    #[serde(default, skip_serializing_if = "is_false")]
    pub null: bool,
    /// Whether the database numbers the rows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub numbered: bool,
    /// Maximum number of characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// The digits of an exact number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<Digits>,
    /// The value of rows that are inserted without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultValue>,
    /// The allowed values, in alphabetical order. Empty if any value is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// The column that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<ForeignKey>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Column {
    /// Returns a column that must have a value, and nothing else.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Column {
            name: name.into(),
            kind,
            null: false,
            numbered: false,
            max_length: None,
            digits: None,
            default: None,
            choices: Vec::new(),
            references: None,
        }
    }
}

/// A constant value of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DefaultValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text, and what is written as one: times, UUIDs, JSON, decimals.
    Text(String),
}

/// The column that another column refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// The other table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// What happens to this row if the other is deleted.
    #[serde(with = "json::on_delete")]
    pub on_delete: OnDelete,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The columns.
    pub columns: Vec<String>,
    /// Whether no two rows may have the same values.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unique: bool,
    /// The condition of the rows that are in the index, in SQL. Empty if all are.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub condition: String,
}

/// A condition that every row satisfies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name, which is unique within the table.
    pub name: String,
    /// The condition, in SQL.
    pub condition: String,
    /// The condition in SQL for SQLite, if it is another one there. Empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on_sqlite: String,
}

impl Check {
    /// Returns a condition that is the same on all databases.
    pub fn new(name: impl Into<String>, condition: impl Into<String>) -> Self {
        Check { name: name.into(), condition: condition.into(), on_sqlite: String::new() }
    }

    /// Returns the condition on a database.
    pub(crate) fn condition(&self, dialect: Dialect) -> &str {
        if dialect == Dialect::Sqlite && !self.on_sqlite.is_empty() { &self.on_sqlite } else { &self.condition }
    }
}

impl Table {
    /// Returns the column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns whether the column is the primary key on its own.
    pub(crate) fn is_key(&self, column: &str) -> bool {
        self.primary_key == [column]
    }
}
