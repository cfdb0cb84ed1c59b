//! The schema of a database.

mod default;
mod postgres;
mod sqlite;
mod table_sql;

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use lback_core::Result;
use lback_db::Db;

use super::sql::{Dialect, text_literal};
use super::{Check, Column, DefaultValue, ForeignKey, Index, Schema, Table, index_name};
use crate::meta::{Digits, Kind, OnDelete};

/// Reads the schema of tables from a database. Tables that do not exist are left out.
///
/// What was made by hand is left out as well: indexes and checks with names that `makemigrations` does not give, and defaults that are
/// not constants. PostgreSQL rewrites the conditions of indexes and checks; those that `like` has under the same name are
/// taken from there.
///
/// # Errors
/// Returns the errors of the database.
pub fn introspect<'a>(db: &mut Db, tables: impl IntoIterator<Item = &'a str>, like: &Schema) -> Result<Schema> {
    Ok(read(db, tables, like, Indexes::Standard)?.schema)
}

/// Reads the schema of tables as [`introspect`] does, but with all indexes, and with the types that the columns have in the database.
///
/// # Errors
/// Returns the errors of the database.
pub(crate) fn inspect(db: &mut Db, tables: &[String]) -> Result<Introspected> {
    read(db, tables.iter().map(String::as_str), &Schema::default(), Indexes::All)
}

/// The schema of tables.
#[derive(Debug, Default)]
pub(crate) struct Introspected {
    pub(crate) schema: Schema,
    /// The types of the columns, by the names of the table and of the column.
    pub(crate) declared: BTreeMap<(String, String), String>,
}

/// The indexes that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indexes {
    /// Those with the names that `makemigrations` gives.
    Standard,
    /// All, also those of UNIQUE constraints.
    All,
}

fn read<'a>(db: &mut Db, tables: impl IntoIterator<Item = &'a str>, like: &Schema, which: Indexes) -> Result<Introspected> {
    let names: Vec<String> = tables.into_iter().map(text_literal).collect();
    if names.is_empty() {
        return Ok(Introspected::default());
    }
    let names = names.join(", ");
    match Dialect::of(db.kind()) {
        Dialect::Sqlite => sqlite::introspect(db, &names, which),
        Dialect::Postgres => postgres::introspect(db, &names, like, which),
    }
}

/// Returns the names of all tables, in alphabetical order, without those of the database itself and of the framework's records.
///
/// # Errors
/// Returns the errors of the database.
pub(crate) fn table_names(db: &mut Db) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let sql = match Dialect::of(db.kind()) {
        Dialect::Sqlite => {
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
        Dialect::Postgres => {
            "SELECT c.relname::text AS name FROM pg_class c
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace"
        }
    };
    let mut names: Vec<String> = diesel::sql_query(sql).load::<Name>(db)?.into_iter().map(|row| row.name).collect();
    names.retain(|name| !name.starts_with("__diesel_") && !name.starts_with("__lback_"));
    names.sort();
    Ok(names)
}

/// Returns the types of columns.
fn declared(columns: &[ColumnRow]) -> BTreeMap<(String, String), String> {
    columns.iter().map(|row| ((row.of.clone(), row.name.clone()), row.declared.clone())).collect()
}

/// A column, as a catalog has it.
#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = Bool)]
    not_null: bool,
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
    /// The place in the primary key, counted from 1; 0 if it is not part of it.
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Bool)]
    numbered: bool,
}

/// A reference of one column.
#[derive(QueryableByName)]
struct ReferenceRow {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    to_table: String,
    #[diesel(sql_type = Text)]
    to_column: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
}

/// A column of an index.
#[derive(QueryableByName)]
struct IndexRow {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_unique: bool,
    #[diesel(sql_type = Text)]
    column_name: String,
    /// The condition, or SQL that contains it.
    #[diesel(sql_type = Nullable<Text>)]
    condition: Option<String>,
}

/// The columns, primary keys and references of tables. Lengths, choices and checks are added by each database.
fn tables(columns: Vec<ColumnRow>, references: &[ReferenceRow]) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut keys: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for row in columns {
        let (kind, max_length, digits) = kind(&row.declared);
        if row.key > 0 {
            keys.entry(row.of.clone()).or_default().push((row.key, row.name.clone()));
        }
        let reference = references.iter().find(|reference| reference.of == row.of && reference.name == row.name);
        let column = Column {
            null: !row.not_null && row.key == 0,
            numbered: row.numbered,
            max_length,
            digits,
            default: row.value.as_deref().and_then(|value| default::parse(value, kind)).map(|value| match (value, digits) {
                // On SQLite, in units of the last place.
                (DefaultValue::Int(units), Some(digits)) if is_in_units(&row.declared) => {
                    DefaultValue::Text(lback_db::decimal_of_units(units, digits.decimal_places))
                }
                (value, _) => value,
            }),
            references: reference.map(|reference| ForeignKey {
                table: reference.to_table.clone(),
                column: reference.to_column.clone(),
                on_delete: on_delete(&reference.on_delete),
            }),
            ..Column::new(row.name, kind)
        };
        tables.entry(row.of).or_default().columns.push(column);
    }
    for (table, mut key) in keys {
        key.sort();
        tables.entry(table).or_default().primary_key = key.into_iter().map(|(_, column)| column).collect();
    }
    tables
}

/// Adds the indexes to their tables. `condition` returns that of an index.
fn add_indexes(
    tables: &mut BTreeMap<String, Table>,
    rows: Vec<IndexRow>,
    which: Indexes,
    condition: impl Fn(&IndexRow, &[String]) -> String,
) {
    let mut found: BTreeMap<(String, String), (IndexRow, Vec<String>)> = BTreeMap::new();
    for row in rows {
        let key = (row.of.clone(), row.name.clone());
        let column = row.column_name.clone();
        found.entry(key).or_insert_with(|| (row, Vec::new())).1.push(column);
    }
    for (row, columns) in found.into_values() {
        let index = Index { condition: condition(&row, &columns), unique: row.is_unique, columns };
        // Another name is that of an index that was made by hand.
        if (which == Indexes::All || index_name(&row.of, &index) == row.name)
            && let Some(table) = tables.get_mut(&row.of)
        {
            table.indexes.insert(index);
        }
    }
}

/// Returns whether a declared type is that of decimals on SQLite.
fn is_in_units(declared: &str) -> bool {
    declared.to_ascii_lowercase().starts_with("decimal_int")
}

/// Returns the type, the length and the digits of a declared type.
fn kind(declared: &str) -> (Kind, Option<u32>, Option<Digits>) {
    let declared = declared.to_ascii_lowercase();
    let arguments = declared.split_once('(').map(|(_, arguments)| arguments.trim_end_matches(')'));
    let length = arguments.and_then(|length| length.trim().parse().ok());
    let digits = arguments
        .and_then(|digits| digits.split_once(','))
        .and_then(|(all, places)| Some(Digits { max_digits: all.trim().parse().ok()?, decimal_places: places.trim().parse().ok()? }));
    let base = declared.split('(').next().unwrap_or_default().trim();
    let kind = match base {
        "smallint" => Kind::SmallInt,
        "int" | "integer" => Kind::Integer,
        "bigint" => Kind::BigInt,
        "float" | "real" => Kind::Float,
        "double" | "double precision" => Kind::Double,
        "bool" | "boolean" => Kind::Bool,
        "blob" | "bytea" => Kind::Bytes,
        "date" => Kind::Date,
        "time" | "time without time zone" => Kind::Time,
        "timestamp" | "datetime" | "timestamp without time zone" => Kind::DateTime,
        "timestamptz" | "timestamp with time zone" => Kind::Timestamp,
        "uuid" => Kind::Uuid,
        "json" | "jsonb" => Kind::Json,
        "numeric" | "decimal" | "decimal_int" => return (Kind::Decimal, None, digits),
        "varchar" | "character varying" => return (Kind::Text, length, None),
        // A type that no field has is shown as a text.
        _ => Kind::Text,
    };
    (kind, None, None)
}

/// Returns whether a declared type is that of texts.
pub(crate) fn is_text(declared: &str) -> bool {
    const TEXTS: [&str; 10] = ["", "text", "varchar", "character varying", "char", "character", "nchar", "nvarchar", "clob", "citext"];
    TEXTS.contains(&declared.to_ascii_lowercase().split('(').next().unwrap_or_default().trim())
}

fn on_delete(name: &str) -> OnDelete {
    match name.to_ascii_lowercase().as_str() {
        "cascade" => OnDelete::Cascade,
        "set null" => OnDelete::SetNull,
        _ => OnDelete::Restrict,
    }
}

/// Returns a set of checks, with each of its conditions trimmed.
fn checks(found: impl IntoIterator<Item = (String, String)>) -> BTreeSet<Check> {
    found.into_iter().map(|(name, condition)| Check::new(name, condition.trim())).collect()
}
