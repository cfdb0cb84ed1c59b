//! One connection to the database.

use std::path::{Path, PathBuf};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::migration::MigrationConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use lback_core::{Error, Result};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// A connection to whichever database the settings name.
///
/// Diesel's queries run on it as on any connection: `posts::table.load(req.db()?)?`.
#[derive(diesel::MultiConnection)]
pub enum Db {
    /// A SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteConnection),
}

/// A connection that goes back to its pool when it is dropped.
pub type PooledDb = r2d2::PooledConnection<Manager>;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SQLite.
    Sqlite,
}

/// What a transaction is begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Read,
    Write,
}

impl Db {
    /// Begins a transaction.
    ///
    /// On SQLite one that will write takes the write lock at once: one that reads first and writes then fails with
    /// "database is locked" as soon as another has written in between, whatever the busy timeout.
    pub(crate) fn begin(&mut self, intent: Intent) -> QueryResult<()> {
        match self {
            Db::Sqlite(connection) => {
                let begin = if intent == Intent::Write { "BEGIN IMMEDIATE" } else { "BEGIN DEFERRED" };
                AnsiTransactionManager::begin_transaction_sql(connection, begin)
            }
        }
    }

    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        <Self as Connection>::TransactionManager::commit_transaction(self)
    }

    /// Ends whatever transaction is open, nested ones included.
    pub(crate) fn rollback(&mut self) -> QueryResult<()> {
        while self.in_transaction()? {
            <Self as Connection>::TransactionManager::rollback_transaction(self)?;
        }
        Ok(())
    }

    pub(crate) fn in_transaction(&mut self) -> QueryResult<bool> {
        let status = <Self as Connection>::TransactionManager::transaction_manager_status_mut(self);
        Ok(status.transaction_depth()?.is_some())
    }

    /// How many rows this connection has changed so far; says whether a transaction has written.
    pub(crate) fn total_changes(&mut self) -> QueryResult<i64> {
        match self {
            Db::Sqlite(connection) => diesel::select(total_changes()).get_result(connection),
        }
    }

    /// Makes sure that the table exists in which applied migrations are recorded.
    pub(crate) fn prepare_migrations(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(connection) => connection.setup().map(drop),
        }
    }
}

diesel::define_sql_function! {
    fn total_changes() -> diesel::sql_types::BigInt;
}

/// Makes connections for the pool.
#[derive(Debug, Clone)]
pub struct Manager {
    pub(crate) target: Target,
    pub(crate) busy_timeout_ms: u32,
}

/// What `DATABASE_URL` says.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Sqlite(PathBuf),
}

impl Target {
    /// Reads a `DATABASE_URL`; relative paths are below `root`.
    pub(crate) fn parse(url: &str, root: &Path) -> Result<Self> {
        let (scheme, rest) = url.split_once(':').unwrap_or(("sqlite", url));
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() || path.contains(":memory:") {
                    return Err(Error::internal(
                        "DATABASE_URL names no file. A database in memory cannot be shared by several connections: \
                         write DATABASE_URL = \"sqlite:db.sqlite\" in settings.toml",
                    ));
                }
                Ok(Target::Sqlite(root.join(path)))
            }
            other => Err(Error::internal(format!(
                "DATABASE_URL begins with \"{other}:\", and this program was built for sqlite: write \
                 DATABASE_URL = \"sqlite:db.sqlite\" in settings.toml"
            ))),
        }
    }
}

/// What has a meaning in SQLite's file URIs.
const URI: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

impl Manager {
    /// Opens a connection. `create` makes the database where there is none.
    pub(crate) fn open(&self, create: bool) -> Result<Db, diesel::r2d2::Error> {
        match &self.target {
            Target::Sqlite(path) => {
                // Without `rw` a database that was deleted would come back empty, and every request fail in a new way.
                let mode = if create { "rwc" } else { "rw" };
                let path = path.to_string_lossy();
                let uri = format!("file:{}?mode={mode}", utf8_percent_encode(&path, URI));
                let mut connection = SqliteConnection::establish(&uri).map_err(diesel::r2d2::Error::ConnectionError)?;
                let busy = self.busy_timeout_ms;
                let query =
                    |sql: &str, connection: &mut SqliteConnection| connection.batch_execute(sql).map_err(diesel::r2d2::Error::QueryError);
                query(&format!("PRAGMA busy_timeout = {busy}; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"), &mut connection)?;
                // On a read-only file this fails; reading works all the same.
                if let Err(error) = query("PRAGMA journal_mode = WAL;", &mut connection) {
                    tracing::warn!(%error, "SQLite cannot use its write-ahead log");
                }
                Ok(Db::Sqlite(connection))
            }
        }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Db;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Db, Self::Error> {
        self.open(false)
    }

    fn is_valid(&self, connection: &mut Db) -> Result<(), Self::Error> {
        match connection {
            // A file does not hang up.
            Db::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, connection: &mut Db) -> bool {
        connection.in_transaction().unwrap_or(true)
    }
}
