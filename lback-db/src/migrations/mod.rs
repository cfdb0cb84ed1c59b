//! Changes to the database's structure: applied in order, once, and recorded.

mod blank;
mod status;

pub use status::{Applied, MigrationStatus};

use blank::{Blank, NotBlank};

use std::fs::File;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, FileBasedMigrations, MigrationHarness};
use lback_core::{Error, Result};

use crate::{Database, Db};

/// The migrations of an application: the framework's, and its own.
///
/// Each is a folder `2026-11-21-120000_create_posts` with an `up.sql` and a `down.sql`, in the application's
/// `migrations` folder, or in `migrations/sqlite` where another database needs other SQL.
#[derive(Default)]
pub struct Migrations {
    framework: Vec<EmbeddedMigrations>,
    embedded: Vec<EmbeddedMigrations>,
    folder: Option<PathBuf>,
    stop_at_blank: bool,
}

type Source = Vec<Box<dyn Migration<Sqlite>>>;

impl Migrations {
    /// No migrations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds migrations of the framework, which [`rollback`](Self::rollback) does not undo.
    pub fn framework(mut self, migrations: EmbeddedMigrations) -> Self {
        self.framework.push(migrations);
        self
    }

    /// Adds migrations that were compiled into the program.
    pub fn embedded(mut self, migrations: EmbeddedMigrations) -> Self {
        self.embedded.push(migrations);
        self
    }

    /// Adds the migrations below a folder, which are read when they are needed. A folder that does not exist has none.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Lets [`apply`](Self::apply) stop before a migration that holds no SQL yet, with a warning in the log, instead of
    /// failing: for a start while the application is being written.
    pub fn stop_at_blank(mut self) -> Self {
        self.stop_at_blank = true;
        self
    }

    /// The names of all migrations, in order.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        Ok(self.source()?.iter().map(|migration| migration.name().to_string()).collect())
    }

    /// Every migration in order, with what the database says of it.
    ///
    /// # Errors
    /// Where the folder or the database cannot be read.
    pub fn status(&self, database: &Database) -> Result<Vec<MigrationStatus>> {
        let mut connection = database.get()?;
        self.status_on(&mut connection)
    }

    fn status_on(&self, connection: &mut Db) -> Result<Vec<MigrationStatus>> {
        connection.prepare_migrations()?;
        let Db::Sqlite(connection) = connection;
        let applied = connection.applied_migrations().map_err(failed("the applied migrations cannot be read"))?;
        let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
        let known = self.source()?;
        let mut all: Vec<MigrationStatus> = known
            .iter()
            .map(|migration| {
                let name = migration.name().to_string();
                let version = migration.name().version().to_string();
                let state = if applied.contains(&version) { Applied::Yes } else { Applied::No };
                MigrationStatus { name, version, state }
            })
            .collect();
        for version in applied {
            if all.iter().all(|known| known.version != version) {
                all.push(MigrationStatus { name: version.clone(), version, state: Applied::Unknown });
            }
        }
        all.sort_by(|one, other| one.version.cmp(&other.version));
        Ok(all)
    }

    /// The names of the migrations that are not applied yet, in order.
    ///
    /// # Errors
    /// Where the folder or the database cannot be read.
    pub fn pending(&self, database: &Database) -> Result<Vec<String>> {
        let status = self.status(database)?;
        Ok(status.into_iter().filter(|migration| migration.state == Applied::No).map(|migration| migration.name).collect())
    }

    /// Applies what is pending, each migration in a transaction of its own, and returns the names.
    ///
    /// Two processes that start together do not disturb each other.
    ///
    /// # Errors
    /// Names the migration that failed; those before it stay applied. One whose `up.sql` holds nothing but comments has
    /// failed, too: it would be recorded as done before its SQL is written.
    pub fn apply(&self, database: &Database) -> Result<Vec<String>> {
        let _lock = lock(database)?;
        let mut connection = without_references(database)?;
        let pending: Vec<_> = self.status_on(&mut connection)?.into_iter().filter(|migration| migration.state == Applied::No).collect();
        let Db::Sqlite(connection) = &mut connection;
        let source = self.source()?;
        let mut names = Vec::new();
        for migration in &source {
            let name = migration.name().to_string();
            if pending.iter().any(|pending| pending.name == name) {
                let context = so_far(&format!("the migration {name} failed"), &names, "applied");
                match connection.run_migration(migration) {
                    Ok(_) => names.push(name),
                    Err(blank) if blank.is::<Blank>() && self.stop_at_blank => {
                        tracing::warn!(target: "lback::db", "{blank}; until then, it and those after it wait");
                        break;
                    }
                    Err(blank) if blank.is::<Blank>() => return Err(Error::internal(so_far(&blank.to_string(), &names, "applied"))),
                    Err(error) => return Err(failed(&context)(error)),
                }
                check_references(connection, &names)?;
            }
        }
        Ok(names)
    }

    /// Undoes the `count` newest of the application's own migrations that are applied, newest first, and returns their
    /// names. Those of the framework are left alone: without them nobody could log in.
    ///
    /// # Errors
    /// Where a migration has no `down.sql`, or it failed; those undone before it stay undone.
    pub fn rollback(&self, database: &Database, count: usize) -> Result<Vec<String>> {
        let _lock = lock(database)?;
        let mut connection = without_references(database)?;
        let framework = self.framework_versions()?;
        let own = |migration: &MigrationStatus| migration.state != Applied::No && !framework.contains(&migration.version);
        let applied = self.status_on(&mut connection)?.into_iter().rev().filter(own);
        let applied: Vec<_> = applied.take(count).collect();
        let Db::Sqlite(connection) = &mut connection;
        let source = self.source()?;
        let mut names = Vec::new();
        for MigrationStatus { name, version, .. } in applied {
            let known = source.iter().find(|migration| migration.name().version().to_string() == version);
            let migration = known.ok_or_else(|| {
                Error::internal(format!("the migration {version} was applied, and is not in the migrations folder; put it back to undo it"))
            })?;
            let context = so_far(&format!("the migration {name} could not be undone"), &names, "undone");
            connection.revert_migration(migration).map_err(failed(&context))?;
            names.push(name);
            check_references(connection, &names)?;
        }
        Ok(names)
    }

    /// The versions of the framework's own migrations.
    fn framework_versions(&self) -> Result<Vec<String>> {
        let mut versions = Vec::new();
        for embedded in &self.framework {
            let migrations = MigrationSource::<Sqlite>::migrations(embedded).map_err(failed("the embedded migrations cannot be read"))?;
            versions.extend(migrations.iter().map(|migration| migration.name().version().to_string()));
        }
        Ok(versions)
    }

    /// All migrations, oldest first.
    fn source(&self) -> Result<Source> {
        let mut all: Source = Vec::new();
        for embedded in self.framework.iter().chain(&self.embedded) {
            let migrations = MigrationSource::<Sqlite>::migrations(embedded).map_err(failed("the embedded migrations cannot be read"))?;
            all.extend(migrations.into_iter().map(|migration| not_blank(migration, None)));
        }
        if let Some(folder) = self.folder.as_deref().map(of_database).filter(|folder| folder.is_dir()) {
            let context = format!("the migrations in {} cannot be read", folder.display());
            let files = FileBasedMigrations::from_path(&folder).map_err(|error| Error::internal(context.clone()).with_source(error))?;
            let migrations = MigrationSource::<Sqlite>::migrations(&files).map_err(failed(&context))?;
            all.extend(migrations.into_iter().map(|migration| not_blank(migration, Some(&folder))));
        }
        all.sort_by(|one, other| one.name().version().cmp(&other.name().version()));
        let twice = all.windows(2).find(|pair| pair[0].name().version() == pair[1].name().version());
        match twice {
            Some(pair) => {
                Err(Error::internal(format!("two migrations have the same version: {} and {}; rename one", pair[0].name(), pair[1].name())))
            }
            None => Ok(all),
        }
    }
}

/// The migration, refused where it holds no SQL; `folder` holds those that are files.
fn not_blank(migration: Box<dyn Migration<Sqlite>>, folder: Option<&Path>) -> Box<dyn Migration<Sqlite>> {
    let file = folder.map(|folder| folder.join(migration.name().to_string()).join("up.sql"));
    Box::new(NotBlank::<SqliteConnection> { migration, file })
}

/// The folder for this database, where it has one of its own.
fn of_database(folder: &Path) -> PathBuf {
    let own = folder.join("sqlite");
    if own.is_dir() { own } else { folder.to_owned() }
}

/// Keeps two processes from migrating the same database at once. Held until the file is dropped.
fn lock(database: &Database) -> Result<Option<File>> {
    let Some(path) = database.path() else { return Ok(None) };
    let mut name = path.into_os_string();
    name.push("-migrate");
    let context = || format!("cannot lock {} to migrate", Path::new(&name).display());
    let file = File::create(&name).map_err(|error| Error::internal(context()).with_source(error))?;
    file.lock().map_err(|error| Error::internal(context()).with_source(error))?;
    Ok(Some(file))
}

/// `what`, and what was done before it.
fn so_far(what: &str, done: &[String], how: &str) -> String {
    if done.is_empty() { what.to_owned() } else { format!("{what}; before it were {how}: {}", done.join(", ")) }
}

/// Rebuilding a table (the way to change one in SQLite: make the new one, copy, drop the old one) would delete the rows
/// that refer to it, were the references enforced meanwhile. So they are checked afterwards instead.
fn without_references(database: &Database) -> Result<Db> {
    let mut db = database.connect()?;
    let Db::Sqlite(connection) = &mut db;
    connection.batch_execute("PRAGMA foreign_keys = OFF")?;
    Ok(db)
}

#[derive(diesel::QueryableByName)]
struct Broken {
    #[diesel(sql_type = diesel::sql_types::Text)]
    table: String,
}

fn check_references(connection: &mut SqliteConnection, done: &[String]) -> Result<()> {
    let broken: Vec<Broken> = diesel::sql_query("PRAGMA foreign_key_check").load(connection)?;
    match (broken.first(), done.last()) {
        (Some(row), Some(name)) => Err(Error::internal(format!(
            "after the migration {name}, {} rows refer to rows that are not there, the first of them in the table {}. The migration is \
             recorded as done; mend the rows, or restore the database from a backup",
            broken.len(),
            row.table
        ))),
        _ => Ok(()),
    }
}

fn failed(what: &str) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Error {
    move |error| Error::internal(what).with_source(error)
}
