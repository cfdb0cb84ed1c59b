//! Finds migrations that `makemigrations` has not written.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use lback_core::{Error, Result};

use crate::migrate::Schema;

/// How the statements begin that `makemigrations` writes.
const WRITTEN: [&str; 11] = [
    "CREATE TABLE ",
    "CREATE INDEX ",
    "CREATE UNIQUE INDEX ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "DROP INDEX ",
    "ALTER INDEX ",
    "INSERT INTO \"new__",
    "PRAGMA legacy_alter_table",
    "SELECT ",
    "SET LOCAL ",
];

/// Returns the names of the migrations in a folder, in order, that have other statements, or that create a table which no model has or had.
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
    let is_by_hand = |sql: &str| {
        statements(sql).iter().any(|statement| match statement.strip_prefix("CREATE TABLE ") {
            Some(rest) => !was_model(created(rest)),
            None => !WRITTEN.iter().any(|written| statement.starts_with(written)),
        })
    };
    Ok(migrations.into_iter().filter(|(_, sql)| is_by_hand(sql)).map(|(name, _)| name).collect())
}

/// Returns the name of the table that is created.
fn created(rest: &str) -> &str {
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
