//! The schema of a SQLite database.

use diesel::prelude::*;
use diesel::sql_types::Text;
use lback_core::Result;
use lback_db::Db;

use super::default::all_unquoted;
use super::{ColumnRow, IndexRow, Indexes, Introspected, ReferenceRow, add_indexes, checks, declared, is_in_units, table_sql, tables};
use crate::meta::Kind;
use crate::migrate::sql::normal_condition;
use crate::migrate::{Schema, Table};

/// The SQL of a table.
#[derive(QueryableByName)]
struct TableRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    sql: String,
}

/// Reads the tables with these quoted names.
pub(super) fn introspect(db: &mut Db, names: &str, which: Indexes) -> Result<Introspected> {
    let of_tables = format!("FROM sqlite_master AS tables WHERE tables.type = 'table' AND tables.name IN ({names})");
    let found: Vec<TableRow> = diesel::sql_query(format!("SELECT name, sql {of_tables}")).load(db)?;
    let join = |function: &str| of_tables.replacen("WHERE", &format!(", {function}(tables.name) AS found WHERE"), 1);
    let columns: Vec<ColumnRow> = diesel::sql_query(format!(
        "SELECT tables.name AS \"of\", found.name, found.type AS declared, found.\"notnull\" AS not_null, found.dflt_value AS value,
                found.pk AS key, found.pk = 1 AND upper(found.type) = 'INTEGER' AS numbered
         {} AND found.hidden = 0 ORDER BY tables.name, found.cid",
        join("pragma_table_xinfo")
    ))
    .load(db)?;
    // Without a column, a reference is to the primary key.
    let references: Vec<ReferenceRow> = diesel::sql_query(format!(
        "SELECT tables.name AS \"of\", found.\"from\" AS name, found.\"table\" AS to_table,
                coalesce(found.\"to\", (SELECT name FROM pragma_table_info(found.\"table\") WHERE pk = 1), '') AS to_column, found.on_delete
         {}",
        join("pragma_foreign_key_list")
    ))
    .load(db)?;
    let indexes: Vec<IndexRow> = diesel::sql_query(format!(
        "SELECT tables.name AS \"of\", found.name, found.\"unique\" AS is_unique, columns.name AS column_name, made.sql AS condition
         {} AND found.origin IN {} AND made.name = found.name AND columns.name IS NOT NULL ORDER BY tables.name, found.name, columns.seqno",
        of_tables.replacen(
            "WHERE",
            ", pragma_index_list(tables.name) AS found, pragma_index_info(found.name) AS columns, sqlite_master AS made WHERE",
            1
        ),
        if which == Indexes::All { "('c', 'u')" } else { "('c')" }
    ))
    .load(db)?;
    let declared = declared(&columns);
    let mut tables = tables(columns, &references);
    add_indexes(&mut tables, indexes, which, |row, _| row.condition.as_deref().map(condition).unwrap_or_default());
    for row in found {
        if let Some(table) = tables.get_mut(&row.name) {
            number(table);
            for column in table.columns.iter_mut().filter(|column| column.kind == Kind::Decimal) {
                let declared = declared.get(&(row.name.clone(), column.name.clone()));
                // The rows of a DECIMAL(10, 2) are numbers, which SQLite does not limit to these digits.
                column.digits = column.digits.filter(|_| declared.is_some_and(|declared| is_in_units(declared)));
            }
            add_checks(table, &row.sql);
        }
    }
    Ok(Introspected { schema: Schema { tables }, declared })
}

/// Only a key of one column is numbered.
fn number(table: &mut Table) {
    let is_composite = table.primary_key.len() > 1;
    for column in table.columns.iter_mut().filter(|column| column.numbered) {
        column.numbered = !is_composite;
        if column.numbered {
            column.kind = Kind::BigInt;
        }
    }
}

/// Sorts the checks of a table into lengths, choices and the model's own.
fn add_checks(table: &mut Table, sql: &str) {
    let mut own = Vec::new();
    for (name, condition) in table_sql::checks(sql) {
        if let Some(name) = name.as_deref().and_then(|name| name.strip_suffix("_check")) {
            own.push((name.to_owned(), condition.to_owned()));
            continue;
        }
        let normal = normal_condition(condition);
        for column in &mut table.columns {
            if let Some(length) = normal.strip_prefix(&format!("length({}) <= ", column.name)).and_then(|length| length.parse().ok()) {
                column.max_length = Some(length);
            } else if normal.starts_with(&format!("{} IN (", column.name)) {
                column.choices = all_unquoted(condition);
                column.choices.sort();
            }
        }
    }
    table.checks = checks(own);
}

/// Returns the condition of an index in its SQL: what follows the list of its columns.
fn condition(sql: &str) -> String {
    sql.find(") WHERE ").map(|at| sql[at + ") WHERE ".len()..].to_owned()).unwrap_or_default()
}
