//! One connection to the database.

use std::fmt;

use chrono::{DateTime, SubsecRound, Utc};
#[cfg(feature = "sqlite")]
use diesel::connection::AnsiTransactionManager;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;

use crate::Isolation;

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("Lback needs a database: enable its feature `sqlite` or `postgres` in Cargo.toml, or both");

/// A connection to the database that the settings name, SQLite or PostgreSQL.
///
/// Diesel's queries run on it as on any connection: `posts::table.load(req.db()?)?`.
pub enum Db {
    /// A SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(crate::Sqlite),
    /// A connection to a PostgreSQL server.
    #[cfg(feature = "postgres")]
    Postgres(crate::Postgres),
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => f.debug_tuple("Sqlite").finish_non_exhaustive(),
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => f.debug_tuple("Postgres").finish_non_exhaustive(),
        }
    }
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

/// A connection that returns to its pool when it is dropped.
pub type PooledDb = r2d2::PooledConnection<crate::manager::Manager>;

/// The kinds of databases.
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
    /// The kinds that this program was built with.
    pub const ALL: &'static [Kind] = &[
        #[cfg(feature = "sqlite")]
        Kind::Sqlite,
        #[cfg(feature = "postgres")]
        Kind::Postgres,
    ];

    /// Returns whether the database is a server, so that every statement waits for a network.
    pub fn is_server(self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => false,
            #[cfg(feature = "postgres")]
            Kind::Postgres => true,
        }
    }

    /// Returns the name that folders have: `sqlite`, `postgres`.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => "sqlite",
            #[cfg(feature = "postgres")]
            Kind::Postgres => "postgres",
        }
    }
}

/// The purpose of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Read,
    Write,
}

impl Db {
    /// Returns the kind of the database.
    pub fn kind(&self) -> Kind {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => Kind::Sqlite,
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => Kind::Postgres,
        }
    }

    /// Returns the time of the application's clock, which a test can set, without fractions of a microsecond: PostgreSQL keeps none, so
    /// a time that is stored is read back unchanged on both databases.
    ///
    /// A connection that was opened without an application, with `Db::establish`, has the clock of the system.
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// let client = Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
    /// let now = || client.db(|db| Ok::<_, Error>(db.now()));
    /// let before = now();
    /// client.clock().advance(std::time::Duration::from_secs(60));
    /// assert_eq!((now() - before).num_seconds(), 60);
    /// ```
    pub fn now(&self) -> DateTime<Utc> {
        crate::on_each!(self, connection => connection.clock().now()).trunc_subsecs(6)
    }

    /// Begins a transaction, on PostgreSQL with the first statement that needs it.
    ///
    /// On SQLite, a transaction that will write takes the write lock at once. One that reads first and then writes fails with
    /// "database is locked" if another has written in between, whatever the busy timeout.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "PostgreSQL makes no difference"))]
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite makes no difference"))]
    pub(crate) fn begin(&mut self, intent: Intent, isolation: Isolation) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => {
                let begin = if intent == Intent::Write { "BEGIN IMMEDIATE" } else { "BEGIN DEFERRED" };
                AnsiTransactionManager::begin_transaction_sql(connection, begin)
            }
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => {
                connection.begin_when_needed(isolation);
                Ok(())
            }
        }
    }

    /// Begins the transaction that was to [begin](Self::begin) when it is needed.
    pub(crate) fn begin_now(&mut self) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => connection.begin_now(),
        }
    }

    /// Returns whether the transaction is to begin when it is needed, and has not yet.
    pub(crate) fn is_waiting(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => connection.is_waiting(),
        }
    }

    /// Ends a transaction that has not begun. Returns whether that was all there is to end.
    pub(crate) fn stop_waiting(&mut self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => connection.stop_waiting(),
        }
    }

    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        if self.stop_waiting() {
            return Ok(());
        }
        let announcement = self.announcement()?;
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => {
                if let Some(sql) = &announcement {
                    connection.diesel_unrecorded().batch_execute(sql)?;
                }
                AnsiTransactionManager::commit_transaction(connection)
            }
            // If a statement of the transaction has failed, PostgreSQL reports success for COMMIT and rolls back. The statement that
            // is sent with it is refused then, and COMMIT is not run.
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => {
                let sql = announcement.as_deref().unwrap_or("SELECT 1");
                connection.diesel_unrecorded()?.batch_execute(&format!("{sql}; COMMIT"))
            }
        }?;
        self.announced(announcement.is_some());
        Ok(())
    }

    /// Runs the SQL of an announcement.
    pub(crate) fn run_announcement(&mut self, sql: &str) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => connection.diesel_unrecorded().batch_execute(sql),
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => connection.diesel_unrecorded()?.batch_execute(sql),
        }
    }

    /// Announces changes that were made outside of a transaction.
    pub(crate) fn announce_late(&mut self) {
        let announced = self.announcement().and_then(|announcement| {
            if let Some(sql) = &announcement {
                self.run_announcement(sql)?;
            }
            Ok(announcement.is_some())
        });
        match announced {
            Ok(has_changes) => self.announced(has_changes),
            Err(error) => {
                self.forget_changes();
                tracing::error!(target: "lback::db", %error, "caches were not told of changes that were made outside of a transaction");
            }
        }
    }

    /// Rolls back the open transaction, including nested ones.
    pub(crate) fn rollback(&mut self) -> QueryResult<()> {
        self.stop_waiting();
        while self.in_transaction()? {
            <Self as Connection>::TransactionManager::rollback_transaction(self)?;
        }
        self.forget_changes();
        Ok(())
    }

    pub(crate) fn in_transaction(&mut self) -> QueryResult<bool> {
        let status = <Self as Connection>::TransactionManager::transaction_manager_status_mut(self);
        Ok(status.transaction_depth()?.is_some())
    }

    /// Returns whether the server has closed the connection, so that it is of no use any more.
    pub fn is_lost(&mut self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => connection.is_lost(),
        }
    }

    /// Returns the number of rows that this connection has changed so far, which tells whether a transaction has written. `None` if
    /// the database does not count them.
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
