//! Migrations: changes to the schema of the database, which are applied once, in order, and recorded.

mod directives;
mod lock;
mod migration;
#[cfg(feature = "sqlite")]
mod rebuilt;
mod record;
#[cfg(feature = "sqlite")]
mod references;
#[cfg(feature = "sqlite")]
mod replay;
mod run;
mod saved_files;
mod source;
mod statements;
mod status;

pub use migration::DRAFT;
pub use source::MigrationSet;
pub use status::{Applied, MigrationStatus};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lback_core::{Error, Result};

pub(crate) use self::lock::Exclusive;
use self::migration::{Migration, SEPARATOR};
use self::record::{Record, Recorded};
use self::run::Script;
use self::source::in_folder;
use crate::{Database, Db, Kind};

/// The migrations of an application: those of its batteries, and its own.
///
/// Each is a folder such as `2026-11-21-120000_create_posts` with an `up.sql` and a `down.sql`. It is in the application's
/// `migrations` folder, or in `migrations/sqlite` and `migrations/postgres` if the databases need different SQL. A `metadata.toml`
/// beside them may contain `run_in_transaction = false`.
///
/// A comment on a line of its own tells how to run the statement below it; `makemigrations` writes them:
///
/// - `-- lback: refuse rows: MESSAGE` above a query with the column `row`. If the query finds rows, the migration fails with the message and
///   the rows.
/// - `-- lback: rebuild TABLE` above the statements that rebuild a table of SQLite. The triggers and indexes of the table, which SQLite
///   drops with it, are created again when all statements have run.
#[derive(Default)]
#[must_use = "nothing is migrated before .apply()"]
pub struct Migrations {
    batteries: Vec<(&'static str, MigrationSet)>,
    embedded: Vec<MigrationSet>,
    folder: Option<PathBuf>,
    stop_at_blank: bool,
    settled_for: Option<Duration>,
    /// Whether a warning has named the folders without an `up.sql`.
    has_warned: AtomicBool,
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let batteries: Vec<_> = self.batteries.iter().map(|(name, _)| name).collect();
        f.debug_struct("Migrations").field("batteries", &batteries).field("folder", &self.folder).finish_non_exhaustive()
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

    /// Returns the names of all migrations for this database, in order.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read or a `metadata.toml` is invalid.
    pub fn names(&self, kind: Kind) -> Result<Vec<String>> {
        Ok(self.load(kind)?.iter().map(Migration::title).collect())
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
        let known = self.load(database.kind())?;
        let applied = record::applied(&mut *database.get()?, &known)?;
        Ok(status(&known, applied))
    }

    /// Returns the names of the pending migrations, in order.
    ///
    /// # Errors
    /// Returns an error if the folder or the database cannot be read or a `metadata.toml` is invalid.
    pub fn pending(&self, database: &Database) -> Result<Vec<String>> {
        Ok(self.find_pending(database)?.iter().map(Migration::title).collect())
    }

    fn find_pending(&self, database: &Database) -> Result<Vec<Migration>> {
        let known = self.load(database.kind())?;
        let applied = record::applied(&mut *database.get()?, &known)?;
        Ok(pending(known, &applied))
    }

    /// Applies the pending migrations, each in a transaction of its own, and returns their names.
    ///
    /// Processes that start together wait for each other.
    ///
    /// # Errors
    /// Returns an error that names the migration that failed; those before it stay applied. A migration also fails if its `up.sql` has
    /// nothing but comments, since it would be recorded as applied before its SQL is written, and if it breaks references between
    /// rows of SQLite that were not broken before.
    pub fn apply(&self, database: &Database) -> Result<Vec<String>> {
        self.apply_each(database, |_| {})
    }

    /// As [`apply`](Self::apply), and calls back with the name of each migration as soon as it is applied, before a later one may
    /// fail. The database is locked during the call.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_each(&self, database: &Database, mut applied_one: impl FnMut(&str)) -> Result<Vec<String>> {
        if let Some(quiet) = self.settled_for {
            saved_files::wait(quiet, || self.find_pending(database))?;
        }
        let mut exclusive = Exclusive::open(database)?;
        let db = &mut exclusive.db;
        let known = self.load(database.kind())?;
        let record = Record::open(db, &known)?;
        let applied = record::applied(db, &known)?;
        adopt(db, record, &known, &applied)?;
        let mut names = Vec::new();
        for migration in pending(known, &applied) {
            if let Some(why) = self.not_ready(&migration, db.kind()) {
                if self.stop_at_blank && migration.battery.is_none() {
                    tracing::warn!(target: "lback::db", "{why}; until then, it and those after it wait");
                    break;
                }
                return Err(Error::internal(so_far(&why, &names, "applied")));
            }
            let context = so_far(&format!("the migration {} failed", migration.title()), &names, "applied");
            let script = Script { sql: &migration.up, place: &migration.place, in_transaction: migration.in_transaction, context };
            script.run(db, |db| record.add(db, &migration.key(), &migration.checksum()))?;
            let title = migration.title();
            applied_one(&title);
            names.push(title);
        }
        Ok(names)
    }

    /// Returns why the migration cannot be applied yet.
    fn not_ready(&self, migration: &Migration, kind: Kind) -> Option<String> {
        let Migration { name, place, .. } = migration;
        if migration.is_blank(kind) {
            return Some(match migration.is_file {
                true => format!(
                    "the migration {name} does nothing yet: there is no SQL in {place}. Write what it does and migrate again, or remove its folder"
                ),
                false => format!(
                    "the migration {name} does nothing: there was no SQL in its up.sql when the program was built. Write what it does, and build \
                     again"
                ),
            });
        }
        if self.stop_at_blank && migration.is_draft() {
            return Some(format!(
                "the migration {name} is a draft. Look at {place}, make its table what you need, and remove its line \"{DRAFT}\" or run `lback migrate`"
            ));
        }
        let fresh = self.settled_for.is_some_and(|quiet| saved_files::is_fresh(migration, quiet));
        fresh.then(|| format!("the migration {name} is being written: {place} was saved a moment ago. Start again when it is whole"))
    }

    /// Undoes the `count` newest applied migrations of the application, newest first, and returns their names. Migrations of
    /// batteries are left alone: without them nobody could log in.
    ///
    /// # Errors
    /// Returns an error if a migration has no `down.sql` or fails; those that were undone before it stay undone.
    pub fn rollback(&self, database: &Database, count: usize) -> Result<Vec<String>> {
        let mut exclusive = Exclusive::open(database)?;
        let db = &mut exclusive.db;
        let known = self.load(database.kind())?;
        let record = Record::open(db, &known)?;
        let find = |version: &str| known.iter().find(|migration| migration.key() == version);
        let own = |migration: &MigrationStatus| migration.state != Applied::No && !migration.version.contains(SEPARATOR);
        let applied = status(&known, record::applied(db, &known)?).into_iter().rev().filter(own).take(count);
        let mut names = Vec::new();
        for MigrationStatus { name, version, .. } in applied {
            let migration = find(&version).ok_or_else(|| {
                Error::internal(format!("the migration {version} was applied, and is not in the migrations folder; put it back to undo it"))
            })?;
            let place = Path::new(&migration.place).with_file_name("down.sql").display().to_string();
            let Some(sql) = migration.down.as_deref().filter(|sql| !sql.trim().is_empty()) else {
                let what = format!("the migration {name} cannot be undone: there is no SQL in {place}. Write what undoes it");
                return Err(Error::internal(so_far(&what, &names, "undone")));
            };
            let context = so_far(&format!("the migration {name} could not be undone"), &names, "undone");
            let script = Script { sql, place: &place, in_transaction: migration.in_transaction, context };
            script.run(db, |db| record.remove(db, &version))?;
            names.push(name);
        }
        Ok(names)
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
        Some(pair) => {
            Err(Error::internal(format!("two migrations have the same version: {} and {}; rename one", pair[0].title(), pair[1].title())))
        }
        None => Ok(migrations),
    }
}

/// Returns the status of every migration.
fn status(known: &[Migration], applied: Vec<Recorded>) -> Vec<MigrationStatus> {
    let recorded = |key: &str| applied.iter().find(|recorded| recorded.key == key);
    let of_known = known.iter().map(|migration| {
        let key = migration.key();
        let recorded = recorded(&key);
        let checksum = recorded.and_then(|recorded| recorded.checksum.as_deref()).filter(|_| migration.battery.is_none());
        MigrationStatus {
            name: migration.title(),
            version: key,
            state: if recorded.is_some() { Applied::Yes } else { Applied::No },
            changed: checksum.filter(|checksum| *checksum != migration.checksum()).map(|_| migration.place.clone()),
        }
    });
    let mut all: Vec<MigrationStatus> = of_known.collect();
    for Recorded { key, .. } in &applied {
        if all.iter().all(|known| known.version != *key) {
            // Unknown migrations are sorted among the application's, by version.
            let at = all.iter().rposition(|known| known.version.contains(SEPARATOR) || known.version < *key).map_or(0, |last| last + 1);
            all.insert(at, MigrationStatus { name: key.clone(), version: key.clone(), state: Applied::Unknown, changed: None });
        }
    }
    all
}

fn pending(known: Vec<Migration>, applied: &[Recorded]) -> Vec<Migration> {
    known.into_iter().filter(|migration| applied.iter().all(|recorded| recorded.key != migration.key())).collect()
}

/// Records the checksums of migrations that were applied by a program without checksums.
fn adopt(db: &mut Db, record: Record, known: &[Migration], applied: &[Recorded]) -> Result<()> {
    for Recorded { key, .. } in applied.iter().filter(|recorded| recorded.checksum.is_none()) {
        if let Some(migration) = known.iter().find(|migration| migration.key() == *key) {
            record.set_checksum(db, key, &migration.checksum())?;
        }
    }
    Ok(())
}

/// Returns the context of an error: `what`, and the migrations that were done before it.
fn so_far(what: &str, done: &[String], how: &str) -> String {
    if done.is_empty() { what.to_owned() } else { format!("{what}; before it were {how}: {}", done.join(", ")) }
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
