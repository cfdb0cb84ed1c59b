//! One connection to the database.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("Lback needs a database: enable its feature `sqlite` or `postgres` in Cargo.toml, or both");

/// A connection to whichever database the settings name.
///
/// Diesel's queries run on it as on any connection: `posts::table.load(req.db()?)?`.
#[derive(diesel::MultiConnection)]
pub enum Db {
    /// A SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection),
    /// A session of a PostgreSQL server.
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
}

/// Evaluates an expression with the connection of whichever database `$db` is, if Diesel must know which.
///
/// The features decide which databases there are, so a crate that uses this compiles with those that `lback-db` has.
#[doc(hidden)]
#[macro_export]
#[cfg(all(feature = "sqlite", feature = "postgres"))]
macro_rules! on_each {
    ($db:expr, $connection:ident => $work:expr) => {
        match $db {
            $crate::Db::Sqlite($connection) => $work,
            $crate::Db::Postgres($connection) => $work,
        }
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(all(feature = "sqlite", not(feature = "postgres")))]
macro_rules! on_each {
    ($db:expr, $connection:ident => $work:expr) => {
        match $db {
            $crate::Db::Sqlite($connection) => $work,
        }
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
macro_rules! on_each {
    ($db:expr, $connection:ident => $work:expr) => {
        match $db {
            $crate::Db::Postgres($connection) => $work,
        }
    };
}

/// A connection that goes back to its pool when it is dropped.
pub type PooledDb = r2d2::PooledConnection<crate::manager::Manager>;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite,
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Kind {
    /// Does every statement go over a network, and wait for the answer?
    pub fn is_server(self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => false,
            #[cfg(feature = "postgres")]
            Kind::Postgres => true,
        }
    }

    /// What it is called in the names of folders: `sqlite`, `postgres`.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => "sqlite",
            #[cfg(feature = "postgres")]
            Kind::Postgres => "postgres",
        }
    }
}

/// What a transaction is begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Read,
    Write,
}

impl Db {
    /// Which database it is.
    pub fn kind(&self) -> Kind {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => Kind::Sqlite,
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => Kind::Postgres,
        }
    }

    /// Begins a transaction.
    ///
    /// On SQLite one that will write takes the write lock at once: one that reads first and writes then fails with
    /// "database is locked" as soon as another has written in between, whatever the busy timeout. On PostgreSQL each
    /// statement sees what was committed before it, whatever the server's default is, and rows are locked as they are
    /// written.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "PostgreSQL does not ask"))]
    pub(crate) fn begin(&mut self, intent: Intent) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => {
                let begin = if intent == Intent::Write { "BEGIN IMMEDIATE" } else { "BEGIN DEFERRED" };
                AnsiTransactionManager::begin_transaction_sql(connection, begin)
            }
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN ISOLATION LEVEL READ COMMITTED"),
        }
    }

    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => AnsiTransactionManager::commit_transaction(connection),
            // PostgreSQL answers the COMMIT of a transaction in which a statement has failed with success, and rolls it
            // back. The statement before it, sent along, is refused there, and then there is no COMMIT.
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => diesel::connection::SimpleConnection::batch_execute(connection, "SELECT 1; COMMIT"),
        }
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

    /// Has the server hung up, so that nothing can be done with this connection any more?
    pub fn is_lost(&mut self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => AnsiTransactionManager::transaction_manager_status_mut(connection).transaction_depth().is_err(),
        }
    }

    /// How many rows this connection has changed so far; says whether a transaction has written. `None` where the
    /// database does not count.
    pub(crate) fn total_changes(&mut self) -> QueryResult<Option<i64>> {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => diesel::select(total_changes()).get_result(connection).map(Some),
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => Ok(None),
        }
    }
}

#[cfg(feature = "sqlite")]
diesel::define_sql_function! {
    fn total_changes() -> diesel::sql_types::BigInt;
}
