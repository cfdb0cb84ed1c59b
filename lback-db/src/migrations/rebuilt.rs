//! Triggers and indexes of a SQLite table that a migration rebuilds, which would be dropped with the old table.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// A table that is being rebuilt, with its triggers and indexes.
#[derive(Debug)]
pub(super) struct Rebuilt {
    table: String,
    parts: Vec<Part>,
}

/// A trigger or an index.
#[derive(Debug, QueryableByName)]
struct Part {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    sql: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Rebuilt {
    /// Finds the triggers and indexes of a table.
    pub(super) fn find(connection: &mut SqliteConnection, table: &str) -> QueryResult<Self> {
        let parts = diesel::sql_query(
            "SELECT type AS kind, name, sql FROM sqlite_master
             WHERE tbl_name = ? COLLATE NOCASE AND type IN ('trigger', 'index') AND sql IS NOT NULL ORDER BY rowid",
        );
        Ok(Rebuilt { table: table.to_owned(), parts: parts.bind::<Text, _>(table).load(connection)? })
    }

    /// Creates those that are missing.
    ///
    /// # Errors
    /// Returns a message and the error of SQLite if one does not fit the new table, or if a view or a trigger of another table does not.
    pub(super) fn restore(self, connection: &mut SqliteConnection) -> Result<(), (String, diesel::result::Error)> {
        let table = &self.table;
        for Part { kind, name, sql } in self.parts {
            let found = diesel::sql_query("SELECT name FROM sqlite_master WHERE name = ?").bind::<Text, _>(&name).load::<Name>(connection);
            let exists =
                found.map(|found| !found.is_empty()).map_err(|error| (format!("the {kind} {name} cannot be looked for"), error))?;
            if !exists {
                connection.batch_execute(&sql).map_err(|error| {
                    (
                        format!("the {kind} {name} does not fit the new table {table}. Drop it at the top of up.sql, and create another"),
                        error,
                    )
                })?;
            }
        }
        let columns: Vec<Name> = diesel::sql_query("SELECT name FROM pragma_table_info(?) LIMIT 1")
            .bind::<Text, _>(table)
            .load(connection)
            .map_err(|error| (format!("the table {table} cannot be read"), error))?;
        for Name { name } in columns {
            // This changes nothing, but SQLite looks at all views and triggers first.
            let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let check = format!("ALTER TABLE {} RENAME COLUMN {} TO {}", quote(table), quote(&name), quote(&name));
            connection.batch_execute(&check).map_err(|error| {
                (format!("a view or trigger does not fit the new table {table}. Drop it at the top of up.sql, and create another"), error)
            })?;
        }
        Ok(())
    }
}
