//! The tables of the database, and how large they are.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use lback_core::Result;

use super::LARGE;
use super::effects::Name;
use crate::Db;

/// The number of rows of tables that were asked for; `None` for tables that do not exist. PostgreSQL's is an estimate, and that of SQLite
/// is at most [`LARGE`].
#[derive(Default)]
pub(super) struct Tables(HashMap<String, Option<i64>>);

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// The statistics of the planner, or of the collector for a table that was never analyzed.
const ROWS_IN_POSTGRES: &str = "SELECT greatest(c.reltuples::bigint, s.n_live_tup, 0) AS rows FROM pg_class AS c
    LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')";

impl Tables {
    pub(super) fn rows(&mut self, db: &mut Db, table: &Name) -> Result<Option<i64>> {
        if let Some(rows) = self.0.get(&table.sql) {
            return Ok(*rows);
        }
        let rows = if db.kind().is_server() { rows_in_postgres(db, table)? } else { rows_in_sqlite(db, table)? };
        self.0.insert(table.sql.clone(), rows);
        Ok(rows)
    }

    /// Returns the columns of a table of SQLite.
    pub(super) fn columns(&self, db: &mut Db, table: &Name) -> Result<Vec<String>> {
        if db.kind().is_server() {
            return Ok(Vec::new());
        }
        let columns: Vec<Column> = diesel::sql_query("SELECT name FROM pragma_table_info(?)").bind::<Text, _>(&table.shown).load(db)?;
        Ok(columns.into_iter().map(|column| column.name).collect())
    }

    /// Returns whether a validated check of a table of PostgreSQL says that the column has a value.
    pub(super) fn has_not_null_check(&self, db: &mut Db, table: &Name, column: &str) -> Result<bool> {
        let found: Vec<Found> = diesel::sql_query(
            "SELECT true AS found FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'c' AND convalidated
             AND position('(' || quote_ident($2) || ' IS NOT NULL)' IN pg_get_constraintdef(oid)) > 0",
        )
        .bind::<Text, _>(&table.sql)
        .bind::<Text, _>(column)
        .load(db)?;
        Ok(found.iter().any(|row| row.found))
    }
}

fn rows_in_postgres(db: &mut Db, table: &Name) -> Result<Option<i64>> {
    let rows: Vec<Rows> = diesel::sql_query(ROWS_IN_POSTGRES).bind::<Text, _>(&table.sql).load(db)?;
    Ok(rows.first().map(|row| row.rows))
}

fn rows_in_sqlite(db: &mut Db, table: &Name) -> Result<Option<i64>> {
    let found: Vec<Column> = diesel::sql_query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE")
        .bind::<Text, _>(&table.shown)
        .load(db)?;
    if found.is_empty() {
        return Ok(None);
    }
    // SQLite has no estimate, and counting all rows would take long.
    let count = format!("SELECT count(*) AS \"rows\" FROM (SELECT 1 FROM {} LIMIT {LARGE})", table.sql);
    let rows: Vec<Rows> = diesel::sql_query(count).load(db)?;
    Ok(rows.first().map(|row| row.rows))
}
