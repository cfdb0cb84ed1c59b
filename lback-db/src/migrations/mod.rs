//! Changes to the database's structure: applied in order, once, and recorded.

mod blank;
mod exclusive;
mod set;
mod status;

pub use set::MigrationSet;
pub use status::{Applied, MigrationStatus};

use std::path::PathBuf;

use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationConnection};
use diesel_migrations::MigrationHarness;
use lback_core::{Error, Result};

use self::blank::{Blank, NotBlank};
use self::exclusive::Exclusive;
use crate::connection::on_each;
use crate::{Database, Db, Kind};

/// The migrations of an application: the framework's, and its own.
///
/// Each is a folder `2026-11-21-120000_create_posts` with an `up.sql` and a `down.sql`, in the application's
/// `migrations` folder, or in `migrations/sqlite` and `migrations/postgres` where the databases need other SQL.
#[derive(Default)]
pub struct Migrations {
    framework: Vec<MigrationSet>,
    embedded: Vec<MigrationSet>,
    folder: Option<PathBuf>,
    stop_at_blank: bool,
}

impl Migrations {
    /// No migrations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds migrations of the framework, which [`rollback`](Self::rollback) does not undo.
    pub fn framework(mut self, migrations: impl Into<MigrationSet>) -> Self {
        self.framework.push(migrations.into());
        self
    }

    /// Adds migrations that were compiled into the program.
    pub fn embedded(mut self, migrations: impl Into<MigrationSet>) -> Self {
        self.embedded.push(migrations.into());
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

    /// The names of all migrations for this database, in order.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn names(&self, kind: Kind) -> Result<Vec<String>> {
        fn names<DB: Backend>(migrations: &[Box<dyn Migration<DB>>]) -> Vec<String> {
            migrations.iter().map(|migration| migration.name().to_string()).collect()
        }
        Ok(match kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => names::<diesel::sqlite::Sqlite>(&self.source(kind)?),
            #[cfg(feature = "postgres")]
            Kind::Postgres => names::<diesel::pg::Pg>(&self.source(kind)?),
        })
    }

    /// Every migration in order, with what the database says of it.
    ///
    /// # Errors
    /// Where the folder or the database cannot be read.
    pub fn status(&self, database: &Database) -> Result<Vec<MigrationStatus>> {
        self.status_on(&mut *database.get()?)
    }

    fn status_on(&self, db: &mut Db) -> Result<Vec<MigrationStatus>> {
        let known = self.names(db.kind())?;
        let applied = applied(db)?;
        let mut all: Vec<MigrationStatus> = known
            .into_iter()
            .map(|name| {
                let version = version(&name);
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
        self.apply_each(database, |_| {})
    }

    /// As [`apply`](Self::apply), and says the name of each as soon as it is applied, before one that follows may fail. The
    /// database is locked at that time.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_each(&self, database: &Database, mut applied_one: impl FnMut(&str)) -> Result<Vec<String>> {
        let mut exclusive = Exclusive::open(database)?;
        let pending = self.status_on(&mut exclusive.db)?.into_iter().filter(|migration| migration.state == Applied::No);
        let mut names = Vec::new();
        for MigrationStatus { name, .. } in pending {
            let applied = on_each!(&mut exclusive.db, connection => {
                let source = self.source(database.kind())?;
                match source.into_iter().find(|migration| migration.name().to_string() == name) {
                    Some(migration) => connection.run_migration(&NotBlank::of(migration, self.file(&name, database.kind())?, connection)),
                    None => continue,
                }
            });
            match applied {
                Ok(_) => {
                    applied_one(&name);
                    names.push(name);
                }
                Err(blank) if blank.is::<Blank>() && self.stop_at_blank => {
                    tracing::warn!(target: "lback::db", "{blank}; until then, it and those after it wait");
                    break;
                }
                Err(blank) if blank.is::<Blank>() => return Err(Error::internal(so_far(&blank.to_string(), &names, "applied"))),
                Err(error) => return Err(failed(&so_far(&format!("the migration {name} failed"), &names, "applied"))(error)),
            }
            exclusive.check_references(&names)?;
        }
        Ok(names)
    }

    /// Undoes the `count` newest of the application's own migrations that are applied, newest first, and returns their
    /// names. Those of the framework are left alone: without them nobody could log in.
    ///
    /// # Errors
    /// Where a migration has no `down.sql`, or it failed; those undone before it stay undone.
    pub fn rollback(&self, database: &Database, count: usize) -> Result<Vec<String>> {
        let mut exclusive = Exclusive::open(database)?;
        let mut framework = Vec::new();
        for set in &self.framework {
            framework.extend(set.versions(database.kind())?);
        }
        let own = |migration: &MigrationStatus| migration.state != Applied::No && !framework.contains(&migration.version);
        let applied = self.status_on(&mut exclusive.db)?.into_iter().rev().filter(own).take(count);
        let mut names = Vec::new();
        for MigrationStatus { name, version, .. } in applied {
            let context = so_far(&format!("the migration {name} could not be undone"), &names, "undone");
            on_each!(&mut exclusive.db, connection => {
                let source = self.source(database.kind())?;
                let known = source.iter().find(|migration| migration.name().version().to_string() == version);
                let migration = known.ok_or_else(|| {
                    Error::internal(format!("the migration {version} was applied, and is not in the migrations folder; put it back to undo it"))
                })?;
                connection.revert_migration(migration).map_err(failed(&context))?;
            });
            names.push(name);
            exclusive.check_references(&names)?;
        }
        Ok(names)
    }

    /// The `up.sql` of a migration that is read from the application's folder.
    fn file(&self, name: &str, kind: Kind) -> Result<Option<PathBuf>> {
        let folder = self.folder.as_deref().map(|folder| set::folder_of(folder, kind)).transpose()?.flatten();
        Ok(folder.map(|folder| folder.join(name).join("up.sql")).filter(|file| file.is_file()))
    }

    /// All migrations, oldest first.
    fn source<DB: Backend>(&self, kind: Kind) -> Result<Vec<Box<dyn Migration<DB>>>> {
        let mut all: Vec<Box<dyn Migration<DB>>> = Vec::new();
        for embedded in self.framework.iter().chain(&self.embedded) {
            all.extend(embedded.load(kind)?);
        }
        if let Some(folder) = &self.folder {
            all.extend(set::in_folder(folder, kind)?);
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

/// The versions that are recorded as applied.
fn applied(db: &mut Db) -> Result<Vec<String>> {
    // Where the table is there, nothing is made: a program may run as a user who may make no tables.
    if let Ok(versions) = recorded(db) {
        return Ok(versions);
    }
    // Two that start together may both try to make it; the slower one finds it the second time.
    on_each!(db, connection => connection.setup().or_else(|_| connection.setup()))?;
    Ok(recorded(db)?)
}

#[derive(diesel::QueryableByName)]
struct Recorded {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

fn recorded(db: &mut Db) -> diesel::QueryResult<Vec<String>> {
    let rows: Vec<Recorded> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(db)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// The version in a migration's name: what stands before the first underscore, without hyphens.
fn version(name: &str) -> String {
    name.split('_').next().unwrap_or(name).replace('-', "")
}

/// `what`, and what was done before it.
fn so_far(what: &str, done: &[String], how: &str) -> String {
    if done.is_empty() { what.to_owned() } else { format!("{what}; before it were {how}: {}", done.join(", ")) }
}

fn failed(what: &str) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Error {
    move |error| Error::internal(what).with_source(error)
}
