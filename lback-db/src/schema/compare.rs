//! Reads the columns of the database, and compares them.

use diesel::prelude::*;
#[cfg(feature = "sqlite")]
use diesel::sql_types::Nullable;
use diesel::sql_types::{Bool, Text};
use lback_core::Result;

use super::{Column, Name, Table};
use crate::Db;

/// A column of the database.
#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

pub(super) fn differences(table: &Table, db: &mut Db) -> Result<Vec<String>> {
    let shown = match &table.name.schema {
        Some(schema) => format!("{schema}.{}", table.name.name),
        None => table.name.name.clone(),
    };
    let found = match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(connection) => in_sqlite(&table.name, connection.diesel_unrecorded())?,
        #[cfg(feature = "postgres")]
        Db::Postgres(connection) => in_postgres(&table.name, connection.diesel_unrecorded()?)?,
    };
    if found.is_empty() {
        return Ok(vec![format!("the table {shown} does not exist")]);
    }
    let kind = db.kind();
    let compare = |column: &Column| {
        let same = |found: &&Found| match kind {
            #[cfg(feature = "sqlite")]
            crate::Kind::Sqlite => found.name.eq_ignore_ascii_case(column.name),
            #[cfg(feature = "postgres")]
            crate::Kind::Postgres => found.name == column.name,
        };
        let place = format!("{shown}.{}", column.name);
        let Some(found) = found.iter().find(same) else { return Some(format!("the column {place} does not exist")) };
        let fits = |of_type: super::ColumnType| match kind {
            #[cfg(feature = "sqlite")]
            crate::Kind::Sqlite => of_type.fits_sqlite(&found.declared),
            #[cfg(feature = "postgres")]
            crate::Kind::Postgres => of_type.fits_postgres(&found.declared),
        };
        match column.of_type {
            Some(of_type) if !fits(of_type) => Some(format!("{place} is {of_type:?} in table!, and {} in the database", found.declared)),
            Some(of_type) if found.nullable && !column.nullable => {
                Some(format!("{place} may be NULL in the database, and is {of_type:?} in table!, not Nullable<{of_type:?}>"))
            }
            _ => None,
        }
    };
    Ok(table.columns.iter().filter_map(compare).collect())
}

#[cfg(feature = "sqlite")]
fn in_sqlite(Name { schema, name }: &Name, connection: &mut SqliteConnection) -> Result<Vec<Found>> {
    // Columns of a primary key are usually declared without NOT NULL. Columns of a view are never NOT NULL.
    let sql =
        "SELECT columns.name, columns.type AS declared, NOT columns.\"notnull\" AND columns.pk = 0 AND kinds.type = 'table' AS nullable
        FROM pragma_table_list(?1) AS kinds, pragma_table_xinfo(kinds.name, kinds.schema) AS columns
        WHERE ?2 IS NULL OR kinds.schema = ?2";
    let found = diesel::sql_query(sql).bind::<Text, _>(name).bind::<Nullable<Text>, _>(schema);
    Ok(found.load(connection)?)
}

#[cfg(feature = "postgres")]
fn in_postgres(Name { schema, name }: &Name, connection: &mut diesel::PgConnection) -> Result<Vec<Found>> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let path = schema.iter().map(|schema| format!("{}.", quoted(schema))).collect::<String>() + &quoted(name);
    // Columns of a view are never NOT NULL.
    let sql = "SELECT attname::text AS name, typname::text AS declared, NOT attnotnull AND relkind IN ('r', 'p') AS nullable
        FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid JOIN pg_class ON pg_class.oid = attrelid
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    Ok(diesel::sql_query(sql).bind::<Text, _>(path).load(connection)?)
}
