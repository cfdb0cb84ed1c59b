//! Runs the SQL of one migration.

use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use lback_core::{Error, Result};

use super::directives::{Directive, Placed, directives};
use super::functions::Functions;
#[cfg(feature = "sqlite")]
use super::rebuilt::Rebuilt;
#[cfg(feature = "sqlite")]
use super::references::Broken;
use super::statements::{Statement, statements, tokens};
use crate::connection::Intent;
use crate::{Db, Isolation};

/// The SQL of a file, which runs as a whole.
pub(super) struct Script<'a> {
    pub(super) sql: &'a str,
    /// The file, for messages.
    pub(super) place: &'a str,
    pub(super) in_transaction: bool,
    /// The functions that it may run. `None` skips them.
    pub(super) functions: Option<&'a Functions>,
    /// The context of its error: what has failed, and what was done before it.
    pub(super) context: String,
}

impl Script<'_> {
    /// Runs the script, and `record` after it: both in one transaction, unless the script runs without.
    ///
    /// # Errors
    /// Returns an error if a statement fails or the script breaks references of SQLite. A transaction is rolled back then.
    pub(super) fn run(&self, db: &mut Db, record: impl Fn(&mut Db) -> QueryResult<()>) -> Result<()> {
        let record = |db: &mut Db| forget_settings(db).and_then(|()| record(db)).map_err(|error| self.because(error));
        if !self.in_transaction {
            self.run_one_by_one(db)?;
            self.refuse_invalid_indexes(db)?;
            // SQLite ignores this within a transaction.
            forget_settings(db).map_err(|error| self.because(error))?;
            // In a transaction of its own, not in one that the script has left open.
            return self.whole(db, record);
        }
        let statements = statements(self.sql, db.kind());
        if let Some(control) = statements.iter().find(|statement| statement.controls_transaction()) {
            return Err(self.error(&format!(
                "{}:{}: {} would end the transaction that the migration runs in. Remove what begins and ends transactions; or write \
                 run_in_transaction = false into metadata.toml beside it, and what fails halfway is not undone",
                self.place, control.line, control.text
            )));
        }
        self.whole(db, |db| {
            let before = References::find(db).map_err(|error| self.because(error))?;
            if directives(self.sql, &statements).is_empty() {
                db.batch_execute(self.sql).map_err(|error| self.failed(self.place, error))?;
            } else {
                self.run_each(db, &statements)?;
            }
            self.compare(&before, db, "Nothing was changed. Correct the SQL, and migrate again")?;
            record(db)
        })
    }

    /// Runs the script without a transaction. The statements are sent one by one, as PostgreSQL runs those that are sent together in
    /// one transaction.
    fn run_one_by_one(&self, db: &mut Db) -> Result<()> {
        let before = References::find(db).map_err(|error| self.because(error))?;
        self.run_each(db, &statements(self.sql, db.kind()))?;
        self.compare(&before, db, "It runs without a transaction, so what it has changed stays: correct the rows, and migrate again")
    }

    /// Returns an error if an index of the script cannot be used. `CREATE INDEX CONCURRENTLY` leaves it behind if it fails or is
    /// interrupted, and with `IF NOT EXISTS` it would stay so.
    fn refuse_invalid_indexes(&self, db: &mut Db) -> Result<()> {
        if !db.kind().is_server() {
            return Ok(());
        }
        let invalid = "SELECT relname::text AS row FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE NOT indisvalid";
        let invalid: Vec<RefusedRow> = diesel::sql_query(invalid).load(db).map_err(|error| self.because(error))?;
        let named = tokens(self.sql, db.kind());
        let is_named = |index: &String| named.iter().any(|token| token.trim_matches('"').eq_ignore_ascii_case(index));
        match invalid.into_iter().filter_map(|index| index.row).find(is_named) {
            None => Ok(()),
            Some(index) => Err(self.error(&format!(
                "{}: PostgreSQL does not use the index {index}, since an earlier attempt to build it has failed or was interrupted. Write DROP INDEX \
                 CONCURRENTLY IF EXISTS {index}; above the statement that builds it, and migrate again",
                self.place
            ))),
        }
    }

    /// Runs the statements one by one, as the comments above them say.
    fn run_each(&self, db: &mut Db, statements: &[Statement<'_>]) -> Result<()> {
        let directives = directives(self.sql, statements);
        let mut rebuilt = Vec::new();
        for number in 0..=statements.len() {
            let statement = statements.get(number);
            let mut refuses = false;
            for Placed { line, directive, .. } in directives.iter().filter(|placed| placed.below == number) {
                match (*directive, statement) {
                    (Directive::Rebuild(table), _) => rebuilt.extend(find_rebuilt(db, table).map_err(|error| self.because(error))?),
                    (Directive::RefuseRows(message), Some(statement)) => {
                        self.refuse_rows(db, statement, message)?;
                        refuses = true;
                    }
                    (Directive::Rebuilt, _) => self.restore(db, std::mem::take(&mut rebuilt))?,
                    (Directive::Run(name), _) => self.call(db, name, *line)?,
                    (Directive::RefuseRows(_), None) | (Directive::Reviewed, _) => {}
                }
            }
            let Some(statement) = statement.filter(|_| !refuses) else { continue };
            db.batch_execute(statement.text).map_err(|error| {
                let stays = match number {
                    0 => "",
                    _ if self.in_transaction => "",
                    _ => " (it runs without a transaction, so what the statements before have changed stays)",
                };
                self.failed(&format!("{}:{}{stays}", self.place, statement.line), error)
            })?;
        }
        self.restore(db, rebuilt)
    }

    /// Calls a function.
    fn call(&self, db: &mut Db, name: &str, line: usize) -> Result<()> {
        let Some(functions) = self.functions else { return Ok(()) };
        let stays = if self.in_transaction { "" } else { " (it runs without a transaction, so what was changed before stays)" };
        let called = functions.get(name, &format!("{}:{line}", self.place)).and_then(|function| function(db));
        called.map_err(|error| self.error(&format!("{}:{line}: the function {name}{stays}: {error}", self.place)))
    }

    /// Returns an error with the message if the query finds rows. It names them.
    fn refuse_rows(&self, db: &mut Db, query: &Statement<'_>, message: &str) -> Result<()> {
        /// Number of rows that the message names.
        const NAMED: usize = 5;
        let place = format!("{}:{}", self.place, query.line);
        let found: Vec<RefusedRow> = diesel::sql_query(query.text).load(db).map_err(|error| self.failed(&place, error))?;
        if found.is_empty() {
            return Ok(());
        }
        let named: Vec<&str> = found.iter().take(NAMED).map(|row| row.row.as_deref().unwrap_or("NULL")).collect();
        let more = if found.len() > NAMED { " and more" } else { "" };
        let stays = if self.in_transaction { "Nothing was changed" } else { "What was changed before stays" };
        Err(self.error(&format!("{message}: {}{more}. {stays}. Correct the rows, and migrate again", named.join("; "))))
    }

    #[cfg(feature = "sqlite")]
    fn restore(&self, db: &mut Db, rebuilt: Vec<Rebuilt>) -> Result<()> {
        let failed = |(what, error): (String, diesel::result::Error)| self.error(&format!("{}: {what}", self.place)).with_source(error);
        match db {
            Db::Sqlite(connection) => rebuilt.into_iter().try_for_each(|rebuilt| rebuilt.restore(connection.diesel()).map_err(failed)),
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => Ok(()),
        }
    }

    #[cfg(not(feature = "sqlite"))]
    fn restore(&self, _: &mut Db, _: Vec<Rebuilt>) -> Result<()> {
        Ok(())
    }

    /// Runs `work` in a transaction.
    fn whole(&self, db: &mut Db, work: impl FnOnce(&mut Db) -> Result<()>) -> Result<()> {
        let begun = db.begin(Intent::Write, Isolation::ReadCommitted).and_then(|()| db.begin_now());
        begun.map_err(|error| self.because(error))?;
        let commit = <Db as Connection>::TransactionManager::commit_transaction;
        let result = work(db).and_then(|()| commit(db).map_err(|error| self.because(error)));
        if result.is_err() {
            // The first error says more than a failed rollback would. The connection is not used again.
            let _ = db.rollback();
        }
        result
    }

    fn compare(&self, before: &References, db: &mut Db, remedy: &str) -> Result<()> {
        match before.newly_broken(db).map_err(|error| self.because(error))? {
            None => Ok(()),
            Some(broken) => Err(self.error(&format!("{broken}. {remedy}"))),
        }
    }

    fn failed(&self, place: &str, error: diesel::result::Error) -> Error {
        let text = error.to_string();
        // `CREATE INDEX CONCURRENTLY`, `VACUUM`.
        let needs_none = ["inside a transaction block", "within a transaction"].iter().any(|part| text.contains(part));
        let is_left_over = ["already exists", "duplicate column name"].iter().any(|part| text.contains(part));
        let remedy = match self.in_transaction {
            true if needs_none => ". Write run_in_transaction = false into metadata.toml beside it",
            false if is_left_over => ". If an attempt that was interrupted has left it behind, remove it, and migrate again",
            _ => "",
        };
        self.error(&format!("{place}{remedy}")).with_source(error)
    }

    fn because(&self, error: diesel::result::Error) -> Error {
        Error::internal(&self.context).with_source(error)
    }

    fn error(&self, what: &str) -> Error {
        Error::internal(format!("{}: {what}", self.context))
    }
}

/// A row that a migration refuses.
#[derive(QueryableByName)]
struct RefusedRow {
    #[diesel(sql_type = Nullable<Text>)]
    row: Option<String>,
}

/// Only SQLite rebuilds tables.
#[cfg(not(feature = "sqlite"))]
enum Rebuilt {}

/// Returns the triggers and indexes of a table that SQLite rebuilds.
#[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "PostgreSQL alters tables in place"))]
fn find_rebuilt(db: &mut Db, table: &str) -> QueryResult<Option<Rebuilt>> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(connection) => Rebuilt::find(connection.diesel(), table).map(Some),
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => Ok(None),
    }
}

/// Resets what a script may have set: with `PRAGMA foreign_keys = ON`, rows would be deleted if the next script rebuilds a table, and
/// the `search_path` that pg_dump writes hides the table of recorded migrations.
fn forget_settings(db: &mut Db) -> QueryResult<()> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(connection) => connection.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = OFF"),
        #[cfg(feature = "postgres")]
        Db::Postgres(connection) => connection.batch_execute("RESET search_path"),
    }
}

/// The references that were broken before; PostgreSQL checks references itself.
struct References {
    #[cfg(feature = "sqlite")]
    broken: Option<Broken>,
}

impl References {
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "PostgreSQL checks references itself"))]
    fn find(db: &mut Db) -> QueryResult<Self> {
        Ok(References {
            #[cfg(feature = "sqlite")]
            broken: match db {
                Db::Sqlite(connection) => Some(Broken::find(connection.diesel())?),
                #[cfg(feature = "postgres")]
                Db::Postgres(_) => None,
            },
        })
    }

    /// Describes references that are broken now and were not before.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "PostgreSQL checks references itself"))]
    fn newly_broken(&self, db: &mut Db) -> QueryResult<Option<String>> {
        #[cfg(feature = "sqlite")]
        if let (Db::Sqlite(connection), Some(before)) = (db, &self.broken) {
            let connection = connection.diesel();
            return Broken::find(connection)?.since(before, connection);
        }
        Ok(None)
    }
}
