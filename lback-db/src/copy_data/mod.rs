//! Copies all rows of one database into another, of the same kind or not.

mod cell;
mod convert;
mod rows;
mod state;
mod table;
mod tables;

use std::fmt;
use std::time::Duration;

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::prelude::*;
use lback_core::{Error, Result};

use self::cell::{list, quoted, text_literal};
use self::table::{TableCopy, Triggers, count};
use self::tables::{Reference, Table, in_order, numbers, references, tables, virtual_tables};
use crate::database_url::Target;
use crate::manager::Purpose;
use crate::migrations::Exclusive;
#[cfg(feature = "postgres")]
use crate::migrations::is_locked;
use crate::{Database, Db, Migrations};

/// The table of the target in which an unfinished copy is recorded.
const STATE: &str = "__lback_copydata";

/// How far the rows of a table are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyProgress<'a> {
    /// The name of the table.
    pub table: &'a str,
    /// The number of rows that are copied.
    pub copied: u64,
    /// The number of rows of the table.
    pub total: u64,
    /// The number of rows that were copied by another process before.
    pub before: u64,
    /// The time since the copying of the table began, in this process.
    pub time: Duration,
    /// Whether all rows of the table are copied.
    pub is_done: bool,
}

/// A callback for the progress of a table.
type Report<'a> = &'a mut dyn FnMut(&CopyProgress<'_>);

/// Copies all rows of one database into another, as the command `copydata` does.
///
/// ```no_run
/// use lback::db::{CopyData, Database, Migrations};
///
/// fn copy(source: &Database, target: &Database, migrations: &Migrations) -> lback::Result<()> {
///     CopyData::new(source, target, migrations).run(&mut |progress| {
///         println!("{}: {} of {} rows", progress.table, progress.copied, progress.total);
///     })?;
///     Ok(())
/// }
/// ```
#[must_use = "nothing is copied before .run()"]
pub struct CopyData<'a> {
    source: &'a Database,
    target: &'a Database,
    migrations: &'a Migrations,
    replaces: bool,
}

impl fmt::Debug for CopyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyData").field("source", &self.source).field("target", &self.target).finish_non_exhaustive()
    }
}

impl<'a> CopyData<'a> {
    /// Returns a copy from one database into another, whose tables are made by these migrations.
    pub fn new(source: &'a Database, target: &'a Database, migrations: &'a Migrations) -> Self {
        CopyData { source, target, migrations, replaces: false }
    }

    /// Deletes the rows of the target first.
    pub fn replace(mut self) -> Self {
        self.replaces = true;
        self
    }

    /// Copies the rows of all tables, except for the one that records migrations, and virtual tables of SQLite, such as those of
    /// full-text search. Returns the names of the virtual tables of both databases; fill those of the target yourself. If the target
    /// has no tables, the migrations are applied to it first.
    ///
    /// Without [`replace`](Self::replace), a copy that was interrupted resumes after the last rows that were copied. Calls `report`
    /// after every few thousand rows, and for tables that were copied completely before.
    ///
    /// # Errors
    /// Returns an error if migrations are pending, the tables of the databases differ, the target has rows that were not copied, or a
    /// value cannot be stored in the target.
    pub fn run(&self, report: &mut dyn FnMut(&CopyProgress<'_>)) -> Result<Vec<String>> {
        self.check_source()?;
        // Waits for another process that copies into the target.
        let mut exclusive = Exclusive::open(self.target)?;
        let mut source = self.source.open_for(Purpose::Migrate)?;
        self.check_different(&mut source)?;
        let is_new = self.prepare(&mut exclusive)?;
        let target = &mut exclusive.db;
        plain_texts(&mut source)?;
        plain_texts(target)?;
        source.transaction(|source| {
            if source.kind().is_server() {
                source.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
            }
            self.copy(source, target, is_new, report)?;
            let mut left_out = virtual_tables(source)?;
            left_out.extend(virtual_tables(target)?);
            left_out.sort();
            left_out.dedup();
            Ok(left_out)
        })
    }

    /// Checks that the source is not the target, which is locked by now: one database can have several addresses.
    fn check_different(&self, source: &mut Db) -> Result<()> {
        match source {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => {
                let [source, target] = [self.source, self.target].map(|database| database.path().and_then(|path| path.canonicalize().ok()));
                if source.is_some() && source == target {
                    return Err(Error::bad_request("the source and the target are the same database"));
                }
            }
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => {
                if self.target.kind().is_server() && is_locked(connection.diesel()?)? {
                    return Err(Error::bad_request("the source and the target are the same database, or the source is being migrated"));
                }
            }
        }
        Ok(())
    }

    /// Checks that the source has all migrations.
    fn check_source(&self) -> Result<()> {
        match self.migrations.pending(self.source)?.as_slice() {
            [] => Ok(()),
            pending => Err(Error::bad_request(format!(
                "migrations of the source, {}, are pending: {}. Apply them first, with DATABASE_URL as the source: migrate",
                self.source.place(),
                pending.join(", ")
            ))),
        }
    }

    /// Checks that the target has all migrations; without tables, it gets them. Returns whether it did.
    fn prepare(&self, target: &mut Exclusive) -> Result<bool> {
        if tables(&mut target.db)?.is_empty() {
            self.migrations.apply_in(target)?;
            return Ok(true);
        }
        match self.migrations.pending(self.target)?.as_slice() {
            [] => Ok(false),
            pending => Err(Error::bad_request(format!(
                "migrations of the target, {}, are pending: {}. Apply them first, with DATABASE_URL as the target: migrate",
                self.target.place(),
                pending.join(", ")
            ))),
        }
    }

    fn copy(&self, source: &mut Db, target: &mut Db, is_new: bool, report: Report<'_>) -> Result<()> {
        let (from, into) = (tables(source)?, tables(target)?);
        check_same(&from, &into)?;
        let references = references(target)?;
        let place = self.source.place();
        let is_begun = !self.replaces && state::is_begun(target, &place)?;
        if !is_begun {
            self.begin(target, &into, is_new, &place)?;
        }
        for (group, is_circle) in in_order(from.clone(), &references) {
            let copy = |from| Some(TableCopy { from, into: into.iter().find(|table| table.name == from.name)?, in_one: is_circle });
            let copies: Vec<TableCopy<'_>> = group.iter().filter_map(copy).collect();
            let mut run = |target: &mut Db| copies.iter().try_for_each(|copy| copy.run(source, target, report));
            match is_circle {
                false => run(target)?,
                // Rows that refer to later ones are accepted only until the end of the transaction.
                true => target.transaction(|target| without_checks(target, &group, &references, &mut run))?,
            }
        }
        for table in &from {
            let (expected, found) = (count(source, &table.name)?, count(target, &table.name)?);
            if expected != found {
                return Err(Error::internal(format!(
                    "{} has {expected} rows in the source and {found} in the target. If the application was running, stop it, and start again with --replace",
                    table.name
                )));
            }
        }
        number_after_last(source, target)?;
        Ok(state::remove(target)?)
    }

    /// Records that copying begins, in a target without rows.
    fn begin(&self, target: &mut Db, into: &[Table], is_new: bool, place: &str) -> Result<()> {
        let mut with_rows = Vec::new();
        for table in into {
            let rows = count(target, &table.name)?;
            if rows > 0 {
                with_rows.push(format!("{} ({rows})", table.name));
            }
        }
        // Rows that migrations have just inserted are in the source as well.
        if !with_rows.is_empty() && !is_new && !self.replaces {
            return Err(Error::bad_request(format!(
                "the target, {}, has rows already: {}. If they can be deleted, add --replace",
                self.target.place(),
                with_rows.join(", ")
            )));
        }
        target.transaction(|target| {
            state::remove(target)?;
            if !with_rows.is_empty() {
                delete_all(target, into)?;
            }
            Ok(state::create(target, place)?)
        })
    }
}

impl Database {
    /// Returns the address of the database for people, without a password.
    fn place(&self) -> String {
        match self.target() {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string(),
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => url.place().to_owned(),
        }
    }
}

/// Makes PostgreSQL write values as texts that any other server reads as the same values.
fn plain_texts(db: &mut Db) -> QueryResult<()> {
    match db.kind().is_server() {
        true => db.batch_execute(
            "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex'; SET standard_conforming_strings = on",
        ),
        false => Ok(()),
    }
}

/// Checks that the databases have the same tables and columns.
fn check_same(from: &[Table], into: &[Table]) -> Result<()> {
    let mut differences = Vec::new();
    for (tables, others, which) in [(from, into, "target"), (into, from, "source")] {
        for table in tables {
            let Some(other) = others.iter().find(|other| other.name == table.name) else {
                differences.push(format!("the {which} has no table {}", table.name));
                continue;
            };
            let missing = table.columns.iter().filter(|column| other.columns.iter().all(|other| other.name != column.name));
            differences.extend(missing.map(|column| format!("the {which} has no column {}.{}", table.name, column.name)));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::bad_request(format!("the databases have different tables: {}. Run check with each of them", differences.join("; "))))
}

/// Deletes the rows of all tables. Their triggers do not run.
fn delete_all(db: &mut Db, tables: &[Table]) -> QueryResult<()> {
    let triggers: Vec<Triggers> = tables.iter().map(|table| Triggers::of(db, &table.name)).collect::<QueryResult<_>>()?;
    triggers.iter().try_for_each(|triggers| triggers.disable(db))?;
    match db.kind().is_server() {
        true => db.batch_execute(&format!("TRUNCATE {}", list(tables.iter().map(|table| table.name.as_str()))))?,
        false => tables.iter().try_for_each(|table| db.batch_execute(&format!("DELETE FROM {}", quoted(&table.name))))?,
    }
    triggers.iter().try_for_each(|triggers| triggers.enable(db))
}

/// Runs `work`, in which rows may refer to ones that come later, and checks all references then.
fn without_checks(db: &mut Db, tables: &[Table], references: &[Reference], work: &mut dyn FnMut(&mut Db) -> Result<()>) -> Result<()> {
    let is_own = |name: &str| tables.iter().any(|table| table.name == name);
    let own: Vec<&Reference> = references.iter().filter(|reference| is_own(&reference.of)).collect();
    // A table cannot be altered while checks of its rows are put off.
    let triggers: Vec<Triggers> = tables.iter().map(|table| Triggers::of(db, &table.name)).collect::<QueryResult<_>>()?;
    triggers.iter().try_for_each(|triggers| triggers.disable(db))?;
    own.iter().try_for_each(|reference| alter(db, reference, "DEFERRABLE INITIALLY DEFERRED"))?;
    work(db)?;
    db.batch_execute("SET CONSTRAINTS ALL IMMEDIATE")?;
    for reference in own {
        match (reference.is_deferrable, reference.is_deferred) {
            (true, true) => {}
            (true, false) => alter(db, reference, "DEFERRABLE INITIALLY IMMEDIATE")?,
            (false, _) => alter(db, reference, "NOT DEFERRABLE")?,
        }
    }
    Ok(triggers.iter().try_for_each(|triggers| triggers.enable(db))?)
}

fn alter(db: &mut Db, reference: &Reference, how: &str) -> QueryResult<()> {
    db.batch_execute(&format!("ALTER TABLE {} ALTER CONSTRAINT {} {how}", quoted(&reference.of), quoted(&reference.name)))
}

/// Makes the target number the next row of each table after all that the source has ever had.
fn number_after_last(source: &mut Db, target: &mut Db) -> Result<()> {
    let of_source = numbers(source)?;
    for number in numbers(target)? {
        let last =
            of_source.iter().find(|other| other.of == number.of && other.column == number.column).and_then(|other| other.last).unwrap_or(0);
        let (table, name) = (quoted(&number.of), text_literal(&number.of));
        let largest = format!("(SELECT coalesce(max({}), 0) AS largest FROM {table}) AS rows", quoted(&number.column));
        let statements = match target.kind().is_server() {
            true => format!(
                "SELECT setval(sequence, last) FROM (SELECT pg_get_serial_sequence({}, {})::regclass AS sequence, greatest(largest, {last}) AS last
                 FROM {largest}) AS numbers WHERE last > coalesce(pg_sequence_last_value(sequence), 0)",
                text_literal(&table),
                text_literal(&number.column)
            ),
            false => format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {name}, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {name});
                 UPDATE sqlite_sequence SET seq = max(seq, {last}, (SELECT largest FROM {largest})) WHERE name = {name}"
            ),
        };
        target.batch_execute(&statements)?;
    }
    Ok(())
}
