//! Migrations: changes to the schema of the database, which are applied once, in order, and recorded.

mod directives;
mod functions;
mod lock;
mod migrate;
mod migration;
mod plan;
#[cfg(feature = "sqlite")]
mod rebuilt;
mod record;
#[cfg(feature = "sqlite")]
mod references;
#[cfg(feature = "sqlite")]
mod replay;
mod risks;
mod run;
mod saved_files;
mod source;
mod squash;
mod state;
mod statements;
mod status;

pub use migration::DRAFT;
pub use plan::{MigrationAction, PlannedMigration};
pub use source::MigrationSet;
pub use squash::Squashed;
pub use status::{Applied, MigrationStatus};

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lback_core::{Error, Result};

use self::functions::Functions;
pub(crate) use self::lock::Exclusive;
#[cfg(feature = "postgres")]
pub(crate) use self::lock::is_locked;
use self::migration::Migration;
use self::source::in_folder;
use self::state::State;
use crate::{Database, Db, Kind};

/// The migrations of an application: those of its batteries, and its own.
///
/// Each is a folder such as `2026-11-21-120000_create_posts` with an `up.sql` and a `down.sql`. It is in the application's
/// `migrations` folder, or in `migrations/sqlite` and `migrations/postgres` if the databases need different SQL. A `metadata.toml`
/// beside them may contain `run_in_transaction = false`.
///
/// A comment on a line of its own tells how to run the statement below it:
///
/// - `-- lback: refuse rows: MESSAGE` above a query with the column `row`. If the query finds rows, the migration fails with the message and
///   the rows.
/// - `-- lback: rebuild TABLE` above the statements that rebuild a table of SQLite. The triggers and indexes of the table, which SQLite
///   drops with it, are created again when all statements have run, or at a line `-- lback: rebuilt`.
/// - `-- lback: run NAME` runs a [function](Self::function), before the statement below it or at the end.
/// - `-- lback: reviewed` above a statement that [`risks`](Self::risks) is not to report.
///
/// `makemigrations` writes the first two.
#[derive(Default)]
#[must_use = "nothing is migrated before .apply()"]
pub struct Migrations {
    batteries: Vec<(&'static str, MigrationSet)>,
    embedded: Vec<MigrationSet>,
    folder: Option<PathBuf>,
    stop_at_blank: bool,
    settled_for: Option<Duration>,
    functions: Functions,
    /// Whether a warning has named the folders without an `up.sql`.
    has_warned: AtomicBool,
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let batteries: Vec<_> = self.batteries.iter().map(|(name, _)| name).collect();
        f.debug_struct("Migrations")
            .field("batteries", &batteries)
            .field("folder", &self.folder)
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}

impl Migrations {
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the migrations of the battery `name`. They are applied before those of the application and of batteries that are added
    /// later, and [`rollback`](Self::rollback) does not undo them. They are recorded under the battery's name, so two batteries may
    /// have migrations of the same version.
    pub fn battery(mut self, name: &'static str, migrations: impl Into<MigrationSet>) -> Self {
        self.batteries.push((name, migrations.into()));
        self
    }

    /// Adds migrations that are compiled into the program.
    pub fn embedded(mut self, migrations: impl Into<MigrationSet>) -> Self {
        self.embedded.push(migrations.into());
        self
    }

    /// Adds the migrations below a folder, which is read when they are needed. A folder that does not exist has none.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Makes [`apply`](Self::apply) stop, with a warning, before a migration that is not ready: one without SQL, or with the [`DRAFT`]
    /// line. The development server uses it.
    pub fn stop_at_blank(mut self) -> Self {
        self.stop_at_blank = true;
        self
    }

    /// Makes [`apply`](Self::apply) wait until the files of pending migrations have not been saved for this long, as they may be in an
    /// editor. It waits for at most a minute, and then stops before the migration that was saved last.
    pub fn settled_for(mut self, quiet: Duration) -> Self {
        self.settled_for = Some(quiet);
        self
    }

    /// Registers a function that migrations run: the line `-- lback: run NAME` calls it with the connection of the migration, in whose
    /// transaction it runs.
    pub fn function(mut self, name: &'static str, function: impl Fn(&mut Db) -> Result<()> + Send + Sync + 'static) -> Self {
        self.functions.add(name, function);
        self
    }

    /// Returns the names of all migrations that an empty database of this kind needs, in order.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read or a `metadata.toml` is invalid.
    pub fn names(&self, kind: Kind) -> Result<Vec<String>> {
        Ok(State::new(self.load(kind)?, Vec::new())?.known.iter().map(Migration::title).collect())
    }

    /// Returns the names of the tables that the migrations of batteries create.
    ///
    /// # Errors
    /// Returns an error if a `metadata.toml` is invalid.
    pub fn tables_of_batteries(&self, kind: Kind) -> Result<Vec<String>> {
        let mut tables = Vec::new();
        for migration in self.load(kind)?.iter().filter(|migration| migration.battery.is_some()) {
            let created = migration.up.split("CREATE TABLE ").skip(1);
            let name = |sql: &str| sql.split([' ', '(', '\n']).next().unwrap_or_default().trim_matches('"').to_owned();
            tables.extend(created.map(name));
        }
        Ok(tables)
    }

    /// Returns every migration with its status in the database, in order.
    ///
    /// # Errors
    /// Returns an error if the folder or the database cannot be read or a `metadata.toml` is invalid.
    pub fn status(&self, database: &Database) -> Result<Vec<MigrationStatus>> {
        Ok(self.state(database)?.status())
    }

    /// Returns the names of the pending migrations, in order.
    ///
    /// # Errors
    /// Returns an error if the folder or the database cannot be read or a `metadata.toml` is invalid.
    pub fn pending(&self, database: &Database) -> Result<Vec<String>> {
        Ok(self.state(database)?.pending().map(Migration::title).collect())
    }

    fn find_pending(&self, database: &Database) -> Result<Vec<Migration>> {
        Ok(self.state(database)?.pending().cloned().collect())
    }

    /// Returns the SQL of a migration for this kind of database, as it is in its `up.sql` or, if `down`, in its `down.sql`.
    ///
    /// `name` is its name, or a beginning that no other migration has.
    ///
    /// # Errors
    /// Returns an error with status 400 and similar names if the name is unknown or ambiguous, or if there is no `down.sql`.
    pub fn sql(&self, kind: Kind, name: &str, down: bool) -> Result<String> {
        let all = self.load(kind)?;
        let migration = plan::find(&all.iter().collect::<Vec<_>>(), name, "")?;
        if !down {
            return Ok(migration.up.clone());
        }
        let missing = || Error::bad_request(format!("the migration {} cannot be undone: it has no down.sql", migration.title()));
        migration.down_sql().map(str::to_owned).ok_or_else(missing)
    }

    /// Checks that every function that a migration of this kind of database runs is [registered](Self::function), also for migrations
    /// that are applied: a new database runs all of them.
    ///
    /// # Errors
    /// Returns an error that says how to register the function.
    pub fn check_functions(&self, kind: Kind) -> Result<()> {
        for migration in self.load(kind)? {
            self.functions.check(&migration.up, &migration.place, kind)?;
            if let Some(sql) = migration.down_sql() {
                self.functions.check(sql, &migration.down_place(), kind)?;
            }
        }
        Ok(())
    }

    fn state(&self, database: &Database) -> Result<State> {
        let known = self.load(database.kind())?;
        let applied = record::applied(&mut *database.get()?, &known)?;
        State::new(known, applied)
    }

    /// Returns all migrations: those of each battery, then the application's, oldest first.
    fn load(&self, kind: Kind) -> Result<Vec<Migration>> {
        let mut all = Vec::new();
        for (name, set) in &self.batteries {
            let mut migrations = set.load(kind)?.migrations;
            migrations.iter_mut().for_each(|migration| migration.battery = Some(name));
            all.extend(in_order(migrations)?);
        }
        let mut leftovers = Vec::new();
        let mut own_ones = Vec::new();
        let own = self.embedded.iter().map(|set| set.load(kind)).chain(self.folder.iter().map(|folder| in_folder(folder, kind)));
        for found in own {
            let found = found?;
            own_ones.extend(found.migrations);
            leftovers.extend(found.leftovers);
        }
        if !leftovers.is_empty() && !self.has_warned.swap(true, Ordering::Relaxed) {
            leftovers.sort();
            for folder in leftovers {
                tracing::warn!(target: "lback::db", "{} is skipped: there is no up.sql in it. Remove the folder, or write one", folder.display());
            }
        }
        // In the folder of a battery's own crate, as when its examples and tests run, its migrations are found twice.
        own_ones.retain(|own| !all.iter().any(|of_battery| of_battery.name == own.name && of_battery.up == own.up));
        all.extend(in_order(own_ones)?);
        Ok(all)
    }
}

/// Sorts the migrations of the application or of one battery, oldest first.
fn in_order(mut migrations: Vec<Migration>) -> Result<Vec<Migration>> {
    migrations.sort_by(|one, other| one.version.cmp(&other.version));
    match migrations.windows(2).find(|pair| pair[0].version == pair[1].version) {
        Some(pair) => Err(Error::internal(format!(
            "two migrations have the same version: {} and {}. Rename the folder of the one that no other database has applied",
            pair[0].title(),
            pair[1].title()
        ))),
        None => Ok(migrations),
    }
}

/// Returns the application's own migrations, for `App::migrations`: compiled into release builds, read from the folder in others.
///
/// The folder is `migrations`, beside `Cargo.toml`. If it has a folder for each database instead, `migrations/sqlite` and
/// `migrations/postgres`, write `migrations!(sqlite, postgres)`: the program contains both, and uses those of the database it runs
/// on. `migrations!("$CARGO_MANIFEST_DIR/src/blog/migrations")` names another folder.
#[macro_export]
macro_rules! migrations {
    () => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/migrations")
    };
    (sqlite, postgres) => {
        $crate::MigrationSet::per_database(
            $crate::migrations!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
            $crate::migrations!("$CARGO_MANIFEST_DIR/migrations/postgres"),
        )
    };
    ($folder:tt) => {{
        use $crate::include_dir;
        const MIGRATIONS: include_dir::Dir<'static> = include_dir::include_dir!($folder);
        MIGRATIONS
    }};
}
