//! Finds rows of SQLite that refer to rows that do not exist.
//!
//! Foreign keys are not enforced while migrations run, so that tables can be rebuilt. Instead, broken references are compared before
//! and after each migration: new ones undo it, and old ones are not blamed on it.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

/// SQLite's message for a foreign key to columns that are not unique.
const MISMATCH: &str = "foreign key mismatch";

/// Broken references, with the number of rows for each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Broken(BTreeMap<Reference, i64>);

/// A reference by its values, which stay the same when a table is rebuilt and its rows get new numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reference {
    table: String,
    parent: String,
    values: String,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = BigInt)]
    key: i64,
    /// Whether its rows have a number.
    #[diesel(sql_type = BigInt)]
    numbered: i64,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct Values {
    #[diesel(sql_type = Nullable<Text>)]
    shown: Option<String>,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Broken {
    /// Checks every reference in the database.
    pub(super) fn find(connection: &mut SqliteConnection) -> QueryResult<Self> {
        let tables: Vec<Name> = diesel::sql_query(
            "SELECT DISTINCT tables.name FROM sqlite_master AS tables, pragma_foreign_key_list(tables.name) WHERE tables.type = 'table'",
        )
        .load(connection)?;
        let mut broken = Broken::default();
        for Name { name } in tables {
            match broken_in(connection, &name) {
                Ok(found) => found.into_iter().for_each(|(reference, rows)| *broken.0.entry(reference).or_default() += rows),
                // A reference to columns that are not unique cannot be checked. This, too, may be older than the migration.
                Err(diesel::result::Error::DatabaseError(_, error)) if error.message().starts_with(MISMATCH) => {
                    let reference = Reference { table: name, parent: error.message().to_owned(), values: String::new() };
                    broken.0.insert(reference, 1);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(broken)
    }

    /// Describes references that are broken now and were not before: the number of rows, with an example. `None` if there are none.
    pub(super) fn since(&self, before: &Broken, connection: &mut SqliteConnection) -> QueryResult<Option<String>> {
        let more = |of: &Broken, than: &Broken| -> Vec<(Reference, i64)> {
            let rows = |(reference, rows): (&Reference, &i64)| (reference.clone(), rows - than.0.get(reference).unwrap_or(&0));
            of.0.iter().map(rows).filter(|(_, rows)| *rows > 0).collect()
        };
        let mut new = more(self, before);
        if new.is_empty() {
            return Ok(None);
        }
        // The references of a table that is gone may have moved with it to another name.
        let tables: Vec<Name> = diesel::sql_query("SELECT name FROM sqlite_master WHERE type = 'table'").load(connection)?;
        let is_gone = |name: &str| tables.iter().all(|table| !table.name.eq_ignore_ascii_case(name));
        for (old, mut rows) in more(before, self) {
            if !is_gone(&old.table) && !is_gone(&old.parent) {
                continue;
            }
            for (moved, moved_rows) in new.iter_mut().filter(|(new, _)| new.values == old.values) {
                if (moved.table == old.table || is_gone(&old.table)) && (moved.parent == old.parent || is_gone(&old.parent)) {
                    let same = rows.min(*moved_rows);
                    (rows, *moved_rows) = (rows - same, *moved_rows - same);
                }
            }
        }
        let rows: i64 = new.iter().map(|(_, rows)| rows).sum();
        Ok(new.into_iter().find(|(_, rows)| *rows > 0).map(|(first, _)| {
            if first.parent.starts_with(MISMATCH) {
                return format!("the references of {} cannot be checked: {}", first.table, first.parent);
            }
            let values = if first.values.is_empty() { String::new() } else { format!(" ({})", first.values) };
            let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            format!("{rows} would refer to rows that do not exist, such as one of {} to {}{values}", first.table, first.parent)
        }))
    }
}

/// The broken references of one table.
fn broken_in(connection: &mut SqliteConnection, table: &str) -> QueryResult<Vec<(Reference, i64)>> {
    let groups: Vec<Group> = diesel::sql_query(
        "SELECT parent, fkid AS \"key\", rowid IS NOT NULL AS numbered, count(*) AS \"rows\" FROM pragma_foreign_key_check(?) GROUP BY 1, 2, 3",
    )
    .bind::<Text, _>(table)
    .load(connection)?;
    let mut broken = Vec::new();
    for group in groups {
        // The rows of a table WITHOUT ROWID are only counted.
        let found = if group.numbered == 1 { values(connection, table, group.key)? } else { Vec::new() };
        let found = if found.is_empty() { vec![Values { shown: None, rows: group.rows }] } else { found };
        broken.extend(found.into_iter().map(|Values { shown, rows }| {
            let reference = Reference { table: table.to_owned(), parent: group.parent.clone(), values: shown.unwrap_or_default() };
            (reference, rows)
        }));
    }
    Ok(broken)
}

/// The values of the broken references of one foreign key, with how many rows have each.
fn values(connection: &mut SqliteConnection, table: &str, key: i64) -> QueryResult<Vec<Values>> {
    let columns: Vec<Name> = diesel::sql_query("SELECT \"from\" AS name FROM pragma_foreign_key_list(?) WHERE id = ? ORDER BY seq")
        .bind::<Text, _>(table)
        .bind::<BigInt, _>(key)
        .load(connection)?;
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    // As text, since a rebuilt table may store the same value in another type.
    let shown = columns.iter().map(|column| {
        let column = format!("child.{}", identifier(&column.name));
        format!("CASE typeof({column}) WHEN 'blob' THEN quote({column}) ELSE CAST({column} AS TEXT) END")
    });
    let shown: Vec<String> = shown.collect();
    diesel::sql_query(format!(
        "SELECT {} AS shown, count(*) AS \"rows\" FROM pragma_foreign_key_check(?) AS broken
         JOIN {} AS child ON child._rowid_ = broken.rowid WHERE broken.fkid = ? GROUP BY 1",
        shown.join(" || ', ' || "),
        identifier(table)
    ))
    .bind::<Text, _>(table)
    .bind::<BigInt, _>(key)
    .load(connection)
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
