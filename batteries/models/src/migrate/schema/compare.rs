//! Compares two schemas, as a database stores them.

use std::collections::BTreeSet;

use super::json::{kind_name, on_delete_name};
use super::{Check, Column, DefaultValue, Schema, Table};
use crate::meta::Kind;
use crate::migrate::Dialect;
use crate::migrate::sql::{normal_condition, type_name};

impl Schema {
    /// Describes what `found`, the schema of a database, has otherwise than this one: a line for each difference.
    ///
    /// Tables, columns, indexes and checks that only the database has are compared too, if `found` contains them;
    /// [`introspect`](crate::migrate::introspect) leaves out those that were made by hand.
    pub fn differences(&self, found: &Schema, dialect: Dialect) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, table) in &self.tables {
            match found.tables.get(name) {
                None => lines.push(format!("the table {name} is missing")),
                Some(found) => table.differences(found, name, dialect, &mut lines),
            }
        }
        let unknown = found.tables.keys().filter(|name| !self.tables.contains_key(*name));
        lines.extend(unknown.map(|name| format!("the table {name} has no model")));
        lines
    }
}

impl Table {
    fn differences(&self, found: &Table, name: &str, dialect: Dialect, lines: &mut Vec<String>) {
        for column in &self.columns {
            match found.column(&column.name) {
                None => lines.push(format!("the column {name}.{} is missing", column.name)),
                Some(found) => lines.extend(column.difference(found, dialect).map(|what| format!("{name}.{}: {what}", column.name))),
            }
        }
        let unknown = found.columns.iter().filter(|column| self.column(&column.name).is_none());
        lines.extend(unknown.map(|column| format!("the column {name}.{} has no field", column.name)));
        if self.primary_key != found.primary_key {
            let (found, expected) = (found.primary_key.join(", "), self.primary_key.join(", "));
            lines.push(format!("the primary key of {name} is ({found}) instead of ({expected})"));
        }
        let indexes = |table: &Table| -> BTreeSet<String> {
            let shown = table.indexes.iter().map(|index| {
                let unique = if index.unique { "unique " } else { "" };
                let condition = match index.condition.as_str() {
                    "" => String::new(),
                    condition => format!(" where {}", normal_condition(condition)),
                };
                format!("the {unique}index of {name} ({}){condition}", index.columns.join(", "))
            });
            shown.collect()
        };
        let checks = |table: &Table| -> BTreeSet<String> {
            let shown = |check: &Check| format!("the check {} of {name}: {}", check.name, normal_condition(check.condition(dialect)));
            table.checks.iter().map(shown).collect()
        };
        for (expected, found) in [(indexes(self), indexes(found)), (checks(self), checks(found))] {
            lines.extend(expected.difference(&found).map(|what| format!("{what} is missing")));
            lines.extend(found.difference(&expected).map(|what| format!("{what} is in no model")));
        }
    }
}

impl Column {
    /// Returns the column in the form that the database has it, in which two columns are equal if the database makes no difference.
    pub(crate) fn stored(&self, dialect: Dialect) -> Column {
        let mut stored = self.clone();
        stored.kind = stored_kind(self.kind, dialect);
        if self.numbered && dialect == Dialect::Sqlite {
            stored.kind = Kind::BigInt;
        }
        // Nothing else has a length, and choices are texts.
        if self.kind != Kind::Text {
            stored.max_length = None;
        }
        stored
    }

    /// Describes what the column of a database has otherwise.
    pub(crate) fn difference(&self, found: &Column, dialect: Dialect) -> Option<String> {
        let (expected, found) = (self.stored(dialect), found.stored(dialect));
        let (is, was) = (type_name(&expected, dialect), type_name(&found, dialect));
        if expected.kind != found.kind || is != was || expected.numbered != found.numbered {
            return Some(format!("the type is {} instead of {}", kind_and(&found), kind_and(&expected)));
        }
        if expected.max_length != found.max_length {
            let shown =
                |length: Option<u32>| length.map_or("no limit of length".to_owned(), |length| format!("at most {length} characters"));
            return Some(format!("it has {} instead of {}", shown(found.max_length), shown(expected.max_length)));
        }
        if expected.null != found.null {
            return Some(if found.null { "it may be NULL" } else { "it may not be NULL" }.to_owned());
        }
        if !same_default(expected.default.as_ref(), found.default.as_ref(), self.kind) {
            let shown = |value: &Option<DefaultValue>| value.as_ref().map_or("none".to_owned(), |value| format!("{value:?}"));
            return Some(format!("its default is {} instead of {}", shown(&found.default), shown(&expected.default)));
        }
        if expected.choices != found.choices {
            let shown = |choices: &[String]| if choices.is_empty() { "any value".to_owned() } else { choices.join(", ") };
            return Some(format!("it allows {} instead of {}", shown(&found.choices), shown(&expected.choices)));
        }
        if expected.references != found.references {
            let shown = |column: &Column| {
                column
                    .references
                    .as_ref()
                    .map_or("nothing".to_owned(), |to| format!("{}.{} (on delete {})", to.table, to.column, on_delete_name(to.on_delete)))
            };
            return Some(format!("it refers to {} instead of {}", shown(&found), shown(&expected)));
        }
        None
    }
}

impl Check {
    /// Returns whether a check of a database is this one.
    pub(crate) fn is_same(&self, found: &Check, dialect: Dialect) -> bool {
        self.name == found.name && normal_condition(self.condition(dialect)) == normal_condition(found.condition(dialect))
    }
}

fn kind_and(column: &Column) -> String {
    let digits = column
        .digits
        .map(|digits| format!(" with {} digits, {} of them after the decimal point", digits.max_digits, digits.decimal_places));
    format!("{}{}{}", kind_name(column.kind), digits.unwrap_or_default(), if column.numbered { ", numbered by the database" } else { "" })
}

/// Returns the type that stands for `kind` in a database that has no type of its own for it.
fn stored_kind(kind: Kind, dialect: Dialect) -> Kind {
    match (dialect, kind) {
        (_, Kind::Duration) => Kind::BigInt,
        (Dialect::Sqlite, Kind::Timestamp) => Kind::DateTime,
        (Dialect::Sqlite, Kind::Uuid | Kind::Json) => Kind::Text,
        _ => kind,
    }
}

/// Returns whether two defaults are the same. Databases rewrite those of times and UUIDs, so only their presence is compared.
fn same_default(one: Option<&DefaultValue>, other: Option<&DefaultValue>, kind: Kind) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one.is_none() && other.is_none() };
    match kind {
        Kind::Date | Kind::Time | Kind::DateTime | Kind::Timestamp | Kind::Uuid | Kind::Bytes => true,
        Kind::Json => json(one) == json(other),
        Kind::Float | Kind::Double | Kind::Decimal => number(one) == number(other),
        Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration | Kind::Bool | Kind::Text => one == other,
    }
}

fn text(value: &DefaultValue) -> String {
    match value {
        DefaultValue::Bool(value) => value.to_string(),
        DefaultValue::Int(number) => number.to_string(),
        DefaultValue::Real(number) => number.to_string(),
        DefaultValue::Text(text) => text.clone(),
    }
}

fn json(value: &DefaultValue) -> Option<serde_json::Value> {
    serde_json::from_str(&text(value)).ok()
}

fn number(value: &DefaultValue) -> Option<f64> {
    text(value).parse().ok()
}
