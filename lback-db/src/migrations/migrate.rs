//! Applies migrations and rolls them back.

use diesel::Connection;
use lback_core::{Error, Result};

use super::lock::Exclusive;
use super::plan::{MigrationAction, PlannedMigration, Step};
use super::record::{self, Record, Recorded};
use super::run::Script;
use super::state::State;
use super::{DRAFT, Migration, Migrations, saved_files};
use crate::{Database, Db, Kind};

/// How far a run goes.
#[derive(Clone, Copy)]
enum Until<'a> {
    Target(Option<&'a str>),
    /// The number of migrations that are rolled back.
    Back(usize),
}

impl Migrations {
    /// Applies the pending migrations, each in a transaction of its own, and returns their names.
    ///
    /// Processes that start together wait for each other.
    ///
    /// # Errors
    /// Returns an error that names the migration that failed; those before it stay applied. A migration also fails if its `up.sql` has
    /// nothing but comments, since it would be recorded as applied before its SQL is written, and if it breaks references between
    /// rows of SQLite that were not broken before. Nothing is applied if a migration runs a function that is not
    /// [registered](Self::function).
    pub fn apply(&self, database: &Database) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.migrate(database, None, |one| names.push(one.name.clone()))?;
        Ok(names)
    }

    /// Applies the pending migrations, or those up to `target`. If `target` is applied already, rolls back the migrations of the
    /// application after it, newest first. The target `zero` rolls back all of them. Migrations of batteries are never rolled back.
    ///
    /// `target` is the name of a migration of the application, or a beginning that no other one has.
    ///
    /// Calls back with each migration as soon as it is done, before a later one may fail. The database is locked during the call.
    ///
    /// # Errors
    /// As [`apply`](Self::apply) and [`rollback`](Self::rollback). Returns an error with status 400 and similar names if the target is
    /// unknown or ambiguous.
    pub fn migrate(&self, database: &Database, target: Option<&str>, done: impl FnMut(&PlannedMigration)) -> Result<()> {
        if let Some(quiet) = self.settled_for {
            saved_files::wait(quiet, || self.find_pending(database))?;
        }
        self.run(database, Until::Target(target), false, done)
    }

    /// As [`migrate`](Self::migrate), but runs no SQL: records the migrations as applied, or removes them from the record.
    ///
    /// # Errors
    /// Returns an error if the target is unknown or ambiguous, a migration has no SQL yet, or the database cannot be written.
    pub fn fake(&self, database: &Database, target: Option<&str>, done: impl FnMut(&PlannedMigration)) -> Result<()> {
        self.run(database, Until::Target(target), true, done)
    }

    /// Undoes the `count` newest applied migrations of the application, newest first, and returns their names. Migrations of
    /// batteries are left alone: without them nobody could log in.
    ///
    /// # Errors
    /// Returns an error if a migration fails; those that were undone before it stay undone. Nothing is undone if one of them has no
    /// `down.sql`, or is not in the migrations folder.
    pub fn rollback(&self, database: &Database, count: usize) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.run(database, Until::Back(count), false, |one| names.push(one.name.clone()))?;
        Ok(names)
    }

    /// Returns what [`migrate`](Self::migrate) would do, and changes nothing.
    ///
    /// # Errors
    /// Returns an error if the target is unknown or ambiguous, or if the folder or the database cannot be read.
    pub fn plan(&self, database: &Database, target: Option<&str>) -> Result<Vec<PlannedMigration>> {
        let state = self.state(database)?;
        Ok(state.steps(target)?.iter().map(|step| step.describe(&state)).collect())
    }

    /// As [`apply`](Self::apply), to a database that is locked already.
    pub(crate) fn apply_in(&self, exclusive: &mut Exclusive) -> Result<()> {
        self.run_in(&mut exclusive.db, Until::Target(None), false, |_| {})
    }

    fn run(&self, database: &Database, until: Until<'_>, fake: bool, done: impl FnMut(&PlannedMigration)) -> Result<()> {
        self.run_in(&mut Exclusive::open(database)?.db, until, fake, done)
    }

    fn run_in(&self, db: &mut Db, until: Until<'_>, fake: bool, mut done: impl FnMut(&PlannedMigration)) -> Result<()> {
        let known = self.load(db.kind())?;
        let record = Record::open(db, &known)?;
        let applied = record::applied(db, &known)?;
        let state = State::new(known, applied)?;
        record_missing(db, record, &state)?;
        let steps = match until {
            Until::Target(target) => state.steps(target)?,
            Until::Back(count) => state.back(|_| true).take(count).collect(),
        };
        if !fake {
            self.check_steps(&steps, db.kind())?;
        }
        let mut names = Vec::new();
        for step in &steps {
            let one = step.describe(&state);
            match step {
                Step::Apply(migration) => {
                    if let Some(why) = self.not_ready(migration, db.kind()) {
                        if self.stop_at_blank && migration.battery.is_none() {
                            tracing::warn!(target: "lback::db", "{why}; until then, it and those after it wait");
                            break;
                        }
                        return Err(Error::internal(so_far(&why, &names, one.action)));
                    }
                    self.apply_one(db, record, migration, fake, &names)?;
                }
                Step::RollBack(key, migration) => self.roll_back_one(db, record, key, *migration, fake, &names)?,
            }
            done(&one);
            names.push(one.name);
        }
        Ok(())
    }

    fn apply_one(&self, db: &mut Db, record: Record, migration: &Migration, fake: bool, before: &[String]) -> Result<()> {
        let add = |db: &mut Db| record.add(db, &migration.key(), &migration.checksum());
        let context = so_far(&format!("the migration {} failed", migration.title()), before, MigrationAction::Apply);
        if fake {
            return add(db).map_err(|error| Error::internal(context).with_source(error));
        }
        let Migration { up, place, in_transaction, .. } = migration;
        Script { sql: up, place, in_transaction: *in_transaction, functions: Some(&self.functions), context }.run(db, add)
    }

    fn roll_back_one(
        &self,
        db: &mut Db,
        record: Record,
        key: &str,
        migration: Option<&Migration>,
        fake: bool,
        before: &[String],
    ) -> Result<()> {
        let remove = |db: &mut Db| {
            // Otherwise a squashed migration would count as applied again.
            let replaced = migration.into_iter().flat_map(Migration::replaced).map(|(_, key)| key);
            replaced.chain([key.to_owned()]).try_for_each(|key| record.remove(db, &key))
        };
        let title = migration.map_or_else(|| key.to_owned(), Migration::title);
        let context = so_far(&format!("the migration {title} could not be undone"), before, MigrationAction::RollBack);
        match migration.and_then(|migration| Some((migration, migration.down_sql()?))) {
            Some((migration, sql)) if !fake => {
                let (place, in_transaction) = (migration.down_place(), migration.in_transaction);
                Script { sql, place: &place, in_transaction, functions: Some(&self.functions), context }.run(db, remove)
            }
            _ => db.transaction(remove).map_err(|error| Error::internal(context).with_source(error)),
        }
    }

    /// Checks, before anything is changed, that every step can be tried.
    fn check_steps(&self, steps: &[Step<'_>], kind: Kind) -> Result<()> {
        for step in steps {
            match step {
                Step::Apply(migration) => self.functions.check(&migration.up, &migration.place, kind)?,
                Step::RollBack(key, None) => {
                    return Err(Error::internal(format!(
                        "the migration {key} was applied, and is not in the migrations folder; put it back to undo it"
                    )));
                }
                Step::RollBack(_, Some(migration)) => {
                    let place = migration.down_place();
                    let Some(sql) = migration.down_sql() else {
                        return Err(Error::internal(format!(
                            "the migration {} cannot be undone: there is no SQL in {place}. Write what undoes it",
                            migration.title()
                        )));
                    };
                    self.functions.check(sql, &place, kind)?;
                }
            }
        }
        Ok(())
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
}

/// Records squashed migrations that are applied, and the checksums of migrations that were applied by a program without checksums.
fn record_missing(db: &mut Db, record: Record, state: &State) -> Result<()> {
    for squashed in &state.unrecorded {
        record.add(db, &squashed.key(), &squashed.checksum())?;
    }
    for Recorded { key, .. } in state.applied.iter().filter(|recorded| recorded.checksum.is_none()) {
        if let Some(migration) = state.find(key) {
            record.set_checksum(db, key, &migration.checksum())?;
        }
    }
    Ok(())
}

/// Returns the context of an error: `what`, and the migrations that were done before it.
fn so_far(what: &str, done: &[String], action: MigrationAction) -> String {
    let how = match action {
        MigrationAction::Apply => "applied",
        MigrationAction::RollBack => "undone",
    };
    if done.is_empty() { what.to_owned() } else { format!("{what}; before it were {how}: {}", done.join(", ")) }
}
