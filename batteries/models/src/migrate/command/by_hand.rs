//! Finds migrations that `makemigrations` has not written.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use lback_core::{Error, Result};

use crate::migrate::{Schema, index_name};

/// How the statements begin that `makemigrations` writes, besides those that create a table or an index.
const WRITTEN: [&str; 8] = [
    "ALTER TABLE ",
    "DROP TABLE ",
    "DROP INDEX ",
    "ALTER INDEX ",
    "INSERT INTO \"new__",
    "PRAGMA legacy_alter_table",
    "SELECT ",
    "SET LOCAL ",
];

/// Returns the names of the migrations in a folder, in order, that have other statements, or that create a table or an index which no model
/// has or had.
pub(super) fn migrations(folder: &Path, schema: &Schema) -> Result<Vec<String>> {
    let failed = |path: &Path, error| Error::internal(format!("{} cannot be read", path.display())).with_source(error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder, error)),
    };
    let mut migrations: Vec<(String, String)> = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, error))?.path().join("up.sql");
        let name = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match fs::read_to_string(&path) {
            Ok(sql) => migrations.push((name, sql)),
            // No migration.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
    migrations.sort();
    let all: String = migrations.iter().map(|(_, sql)| sql.as_str()).collect();
    let was_model = |table: &str| {
        schema.tables.contains_key(table)
            || table.starts_with("new__")
            || all.contains(&format!("DROP TABLE \"{table}\""))
            || all.contains(&format!("ALTER TABLE \"{table}\" RENAME TO "))
    };
    let indexes: BTreeSet<String> =
        schema.tables.iter().flat_map(|(name, table)| table.indexes.iter().map(|index| index_name(name, index))).collect();
    // An index is gone with its table as well.
    let was_index = |index: &str, table: &str| {
        indexes.contains(index)
            || all.contains(&format!("DROP INDEX \"{index}\""))
            || all.contains(&format!("ALTER INDEX \"{index}\" RENAME TO "))
            || (!schema.tables.contains_key(table) && was_model(table))
    };
    let is_by_hand = |statement: &str| match (statement.strip_prefix("CREATE TABLE "), created_index(statement)) {
        (Some(rest), _) => !was_model(first_name(rest)),
        (None, Some((index, table))) => !was_index(index, table),
        (None, None) => !WRITTEN.iter().any(|written| statement.starts_with(written)),
    };
    Ok(migrations.into_iter().filter(|(_, sql)| statements(sql).into_iter().any(is_by_hand)).map(|(name, _)| name).collect())
}

/// Returns the names of the index that is created and of its table.
fn created_index(statement: &str) -> Option<(&str, &str)> {
    let rest = ["CREATE INDEX ", "CREATE UNIQUE INDEX "].into_iter().find_map(|begin| statement.strip_prefix(begin))?;
    let rest = rest.strip_prefix("CONCURRENTLY ").unwrap_or(rest);
    let (index, of) = rest.split_once(" ON ").unwrap_or((rest, ""));
    Some((first_name(index), first_name(of)))
}

/// Returns the name that follows.
fn first_name(rest: &str) -> &str {
    match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or_default(),
        None => rest.split([' ', '(', '\n']).next().unwrap_or_default(),
    }
}

/// Returns the first line of each statement. A statement of `makemigrations` ends at the end of a line.
fn statements(sql: &str) -> Vec<&str> {
    let mut begins = true;
    let mut found = Vec::new();
    for line in sql.lines() {
        let code = line.trim_end();
        if code.trim_start().is_empty() || code.trim_start().starts_with("--") {
            continue;
        }
        if begins {
            found.push(code);
        }
        begins = code.ends_with(';');
    }
    found
}
