//! The schema of a PostgreSQL database.

use diesel::prelude::*;
use diesel::sql_types::Text;
use lback_core::Result;
use lback_db::Db;

use super::default::all_unquoted;
use super::{ColumnRow, IndexRow, Indexes, Introspected, ReferenceRow, add_indexes, checks, declared, tables};
use crate::migrate::{Index, Schema, Table, constraint_name, index_name};

/// A check, with its definition.
#[derive(QueryableByName)]
struct CheckRow {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// Reads the tables with these quoted names.
pub(super) fn introspect(db: &mut Db, names: &str, like: &Schema, which: Indexes) -> Result<Introspected> {
    // Tables of other schemas may have the same name.
    let of = format!("c.relkind IN ('r', 'p') AND c.relname IN ({names}) AND pg_table_is_visible(c.oid)");
    let columns: Vec<ColumnRow> = diesel::sql_query(format!(
        "SELECT c.relname::text AS of, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS declared, a.attnotnull AS not_null,
                pg_get_expr(d.adbin, d.adrelid) AS value, a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', FALSE) AS numbered,
                coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint + 1 AS key
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
         WHERE {of} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
    ))
    .load(db)?;
    let references: Vec<ReferenceRow> = diesel::sql_query(format!(
        "SELECT c.relname::text AS of, a.attname::text AS name, f.relname::text AS to_table, b.attname::text AS to_column,
                CASE k.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'restrict' END AS on_delete
         FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND array_length(k.conkey, 1) = 1
         JOIN pg_class f ON f.oid = k.confrelid
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
         JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = k.confkey[1]
         WHERE {of}"
    ))
    .load(db)?;
    // An invalid index is what a failed CREATE INDEX CONCURRENTLY leaves behind. That of an expression has columns with the number 0.
    let indexes: Vec<IndexRow> = diesel::sql_query(format!(
        "SELECT c.relname::text AS of, x.relname::text AS name, i.indisunique AS is_unique, a.attname::text AS column_name,
                pg_get_expr(i.indpred, i.indrelid) AS condition
         FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND NOT i.indisprimary AND i.indisvalid JOIN pg_class x ON x.oid = i.indexrelid
         CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS key (number, place)
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = key.number
         WHERE {of} ORDER BY c.relname, x.relname, key.place"
    ))
    .load(db)?;
    let constraints: Vec<CheckRow> = diesel::sql_query(format!(
        "SELECT c.relname::text AS of, k.conname::text AS name, pg_get_constraintdef(k.oid) AS definition
         FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated WHERE {of}"
    ))
    .load(db)?;
    let declared = declared(&columns);
    let mut tables = tables(columns, &references);
    add_indexes(&mut tables, indexes, which, |row, columns| condition(row, columns, like));
    for (name, table) in &mut tables {
        let own: Vec<&CheckRow> = constraints.iter().filter(|row| row.of == *name).collect();
        add_checks(name, table, &own, like.tables.get(name));
    }
    Ok(Introspected { schema: Schema { tables }, declared })
}

/// Returns the condition of an index as the model has it, which PostgreSQL has rewritten.
fn condition(row: &IndexRow, columns: &[String], like: &Schema) -> String {
    let Some(found) = &row.condition else { return String::new() };
    let of_table = like.tables.get(&row.of).into_iter().flat_map(|table| &table.indexes);
    let is_same = |index: &&Index| index.columns == columns && index_name(&row.of, index) == row.name;
    of_table.into_iter().find(is_same).map_or_else(|| found.clone(), |index| index.condition.clone())
}

/// Sorts the checks of a table into choices and the model's own, by their names.
fn add_checks(name: &str, table: &mut Table, found: &[&CheckRow], like: Option<&Table>) {
    for column in &mut table.columns {
        let choices = constraint_name(name, &column.name, "choices");
        if let Some(row) = found.iter().find(|row| row.name == choices) {
            column.choices = all_unquoted(&row.definition);
            column.choices.sort();
        }
    }
    let known = like.into_iter().flat_map(|like| &like.checks);
    let mut own: Vec<(String, String)> = Vec::new();
    let mut unknown: Vec<&&CheckRow> = found.iter().collect();
    for check in known {
        let full = constraint_name(name, &check.name, "check");
        if let Some(at) = unknown.iter().position(|row| row.name == full) {
            unknown.remove(at);
            own.push((check.name.clone(), check.condition.clone()));
        }
    }
    let prefix = format!("{name}_");
    own.extend(unknown.into_iter().filter_map(|row| {
        let check = row.name.strip_prefix(&prefix)?.strip_suffix("_check")?;
        // PostgreSQL names the checks of columns in this way too, if they have no name.
        let is_unnamed = table.column(check).is_some();
        let condition = row.definition.strip_prefix("CHECK (").and_then(|rest| rest.strip_suffix(')'))?;
        (!is_unnamed).then(|| (check.to_owned(), condition.to_owned()))
    }));
    table.checks = checks(own);
}
