//! Compares models, `models.json`, migrations and the database.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use lback_core::{Error, Result};
use lback_db::{Db, Migrations};

use super::{Answers, Dialect, Fill, Questions, Schema, introspect, plan};

/// The name of the file with the schema of the newest migration, in the folder of migrations.
pub(crate) const FILE: &str = "models.json";

/// Reads `models.json`. Without the file, no model has a migration yet.
pub(super) fn read_schema(folder: &Path) -> Result<Schema> {
    let file = folder.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => Schema::from_json(&text, &format!("migrations/{FILE}")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Schema::default()),
        Err(error) => Err(Error::internal(format!("{} cannot be read", file.display())).with_source(error)),
    }
}

/// Checks that the newest migration has all changes of the models: compares them with `models.json`. A program without its folder of
/// migrations, as on a server, passes.
///
/// # Errors
/// Returns an error that names the changes without a migration, or if `models.json` cannot be read.
pub fn check_models(models: &Schema, folder: &Path) -> Result<()> {
    if !folder.is_dir() && !models.tables.is_empty() && !folder.parent().is_some_and(|project| project.join("Cargo.toml").is_file()) {
        return Ok(());
    }
    let old = read_schema(folder)?;
    let changes = match plan(&old, models, &mut NobodyKnows(Answers::default())) {
        Ok(plan) if plan.is_empty() => return Ok(()),
        Ok(plan) => plan.name(),
        Err(error) => error.to_string(),
    };
    Err(Error::internal(format!("the models have changes without a migration ({changes}). Run: lback makemigrations")))
}

/// Checks that the migrations make what `models.json` says: applies them to an empty SQLite database in memory and compares. Projects
/// without migrations for SQLite pass; `dialect` is that of the database in the settings.
///
/// # Errors
/// Returns an error that lists the differences, or names a migration that fails.
#[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "migrations cannot be replayed without SQLite"))]
pub fn check_migrations(folder: &Path, migrations: &Migrations, dialect: Dialect) -> Result<()> {
    #[cfg(feature = "sqlite")]
    {
        let schema = read_schema(folder)?;
        if !schema.tables.is_empty() && !is_for_postgres_alone(folder, dialect) {
            let mut db = migrations.replay()?;
            let differences = differences(&schema, &mut db)?;
            if !differences.is_empty() {
                return Err(Error::internal(format!(
                    "the migrations do not make what migrations/{FILE} says: {}. If two branches were merged, run lback makemigrations --merge. If a \
                     migration was changed by hand, write one that brings the tables to this state (makemigrations NAME --empty)",
                    differences.join("; ")
                )));
            }
        }
    }
    Ok(())
}

/// Returns whether the migrations are only for PostgreSQL, so that they cannot be applied to a SQLite database in memory. `dialect` is
/// that of the database in the settings.
#[cfg(feature = "sqlite")]
pub(super) fn is_for_postgres_alone(folder: &Path, dialect: Dialect) -> bool {
    let has_own = |dialect: Dialect| folder.join(dialect.name()).is_dir();
    !has_own(Dialect::Sqlite) && (has_own(Dialect::Postgres) || dialect == Dialect::Postgres)
}

/// Checks that the database has the tables of the models.
///
/// # Errors
/// Returns an error that lists the differences, or the errors of the database.
pub fn check_database(models: &Schema, db: &mut Db) -> Result<()> {
    let differences = differences(models, db)?;
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the tables of the database are not those of the models: {}. The database was changed by hand: write a migration that brings it to this state (makemigrations --empty), or undo the change",
        differences.join("; ")
    )))
}

fn differences(schema: &Schema, db: &mut Db) -> Result<Vec<String>> {
    let found = introspect(db, schema.tables.keys().map(String::as_str), schema)?;
    Ok(schema.differences(&found, Dialect::of(db.kind())))
}

/// Answers for a comparison alone, in which no value is needed.
pub(super) struct NobodyKnows(pub(super) Answers);

impl Questions for NobodyKnows {
    fn is_table_renamed(&mut self, from: &str, to: &str, are_alike: bool) -> Result<bool> {
        self.0.is_table_renamed(from, to, are_alike)
    }

    fn is_column_renamed(&mut self, table: &str, from: &str, to: &str) -> Result<bool> {
        self.0.is_column_renamed(table, from, to)
    }

    fn fill(&mut self, _table: &str, _column: &super::Column, _is_new: bool) -> Result<Fill> {
        Ok(Fill::Refuse)
    }
}
