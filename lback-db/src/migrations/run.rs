//! Runs the SQL of one migration.

use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use lback_core::{Error, Result};

#[cfg(feature = "sqlite")]
use super::references::Broken;
use super::statements::statements;
use crate::connection::Intent;
use crate::{Db, Isolation};

/// The SQL of a file, which runs as a whole.
pub(super) struct Script<'a> {
    pub(super) sql: &'a str,
    /// The file, for messages.
    pub(super) place: &'a str,
    pub(super) in_transaction: bool,
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
            // SQLite ignores this within a transaction.
            forget_settings(db).map_err(|error| self.because(error))?;
            // In a transaction of its own, not in one that the script has left open.
            return self.whole(db, record);
        }
        let control = statements(self.sql, db.kind()).into_iter().find(|statement| statement.controls_transaction());
        if let Some(control) = control {
            return Err(self.error(&format!(
                "{}:{}: {} would end the transaction that the migration runs in. Remove what begins and ends transactions; or write \
                 run_in_transaction = false into metadata.toml beside it, and what fails halfway is not undone",
                self.place, control.line, control.text
            )));
        }
        self.whole(db, |db| {
            let before = References::find(db).map_err(|error| self.because(error))?;
            db.batch_execute(self.sql).map_err(|error| self.failed(self.place, error))?;
            self.compare(&before, db, "Nothing was changed. Correct the SQL, and migrate again")?;
            record(db)
        })
    }

    /// Runs the script without a transaction. The statements are sent one by one, as PostgreSQL runs those that are sent together in
    /// one transaction.
    fn run_one_by_one(&self, db: &mut Db) -> Result<()> {
        let before = References::find(db).map_err(|error| self.because(error))?;
        for (done, statement) in statements(self.sql, db.kind()).into_iter().enumerate() {
            db.batch_execute(statement.text).map_err(|error| {
                let stays = match done {
                    0 => "",
                    _ => " (it runs without a transaction, so what the statements before have changed stays)",
                };
                self.failed(&format!("{}:{}{stays}", self.place, statement.line), error)
            })?;
        }
        self.compare(&before, db, "It runs without a transaction, so what it has changed stays: correct the rows, and migrate again")
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
        let remedy = match needs_none && self.in_transaction {
            true => ". Write run_in_transaction = false into metadata.toml beside it",
            false => "",
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

/// Resets what a script may have set: with `PRAGMA foreign_keys = ON`, rows would be deleted if the next script rebuilds a table, and
/// the `search_path` that pg_dump writes hides the table of recorded migrations.
fn forget_settings(db: &mut Db) -> QueryResult<()> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(connection) => connection.batch_execute("PRAGMA foreign_keys = OFF"),
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
