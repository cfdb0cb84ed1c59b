//! Where migrations come from.

use std::path::{Path, PathBuf};

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, FileBasedMigrations};
use lback_core::{Error, Result};

use super::failed;
use crate::Kind;

/// Migrations that were compiled into the program: the same for every database, or a set for each.
///
/// [`migrations!`](https://docs.rs/lback/latest/lback/macro.migrations.html) makes one.
pub struct MigrationSet {
    sqlite: Option<EmbeddedMigrations>,
    postgres: Option<EmbeddedMigrations>,
    both: Option<EmbeddedMigrations>,
}

impl MigrationSet {
    /// A set for each database.
    pub const fn per_database(sqlite: EmbeddedMigrations, postgres: EmbeddedMigrations) -> Self {
        MigrationSet { sqlite: Some(sqlite), postgres: Some(postgres), both: None }
    }

    fn of(&self, kind: Kind) -> Option<&EmbeddedMigrations> {
        let own = if kind.name() == "postgres" { &self.postgres } else { &self.sqlite };
        own.as_ref().or(self.both.as_ref())
    }

    /// The migrations for this database.
    pub(super) fn load<DB: Backend>(&self, kind: Kind) -> Result<Vec<Box<dyn Migration<DB>>>> {
        let Some(embedded) = self.of(kind) else { return Ok(Vec::new()) };
        MigrationSource::<DB>::migrations(embedded).map_err(failed("the embedded migrations cannot be read"))
    }

    /// The versions of the migrations for this database.
    pub(super) fn versions(&self, kind: Kind) -> Result<Vec<String>> {
        fn versions<DB: Backend>(migrations: &[Box<dyn Migration<DB>>]) -> Vec<String> {
            migrations.iter().map(|migration| migration.name().version().to_string()).collect()
        }
        Ok(match kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => versions::<diesel::sqlite::Sqlite>(&self.load(kind)?),
            #[cfg(feature = "postgres")]
            Kind::Postgres => versions::<diesel::pg::Pg>(&self.load(kind)?),
        })
    }
}

impl From<EmbeddedMigrations> for MigrationSet {
    fn from(both: EmbeddedMigrations) -> Self {
        MigrationSet { sqlite: None, postgres: None, both: Some(both) }
    }
}

/// The migrations below a folder, for this database. A folder that does not exist has none.
pub(super) fn in_folder<DB: Backend>(folder: &Path, kind: Kind) -> Result<Vec<Box<dyn Migration<DB>>>> {
    let Some(folder) = folder_of(folder, kind)? else { return Ok(Vec::new()) };
    let context = format!("the migrations in {} cannot be read", folder.display());
    let files = FileBasedMigrations::from_path(&folder).map_err(|error| Error::internal(context.clone()).with_source(error))?;
    MigrationSource::<DB>::migrations(&files).map_err(failed(&context))
}

/// The names of the folders that hold migrations for one database each.
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// The folder for this database: one of its own, where there is such for any.
pub(super) fn folder_of(folder: &Path, kind: Kind) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let own = folder.join(kind.name());
    if own.is_dir() {
        return Ok(Some(own));
    }
    match DATABASES.iter().find(|name| folder.join(name).is_dir()) {
        None => Ok(Some(folder.to_owned())),
        Some(other) => Err(Error::internal(format!(
            "{} has migrations for {other} and none for {kind}, which DATABASE_URL names. Write them into {own}, or move those of {other} up \
             where the SQL fits both",
            folder.display(),
            kind = kind.name(),
            own = own.display(),
        ))),
    }
}
