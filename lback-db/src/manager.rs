//! Opens connections, and checks whether they are still alive.

use std::sync::{Arc, OnceLock};
#[cfg(feature = "postgres")]
use std::sync::{Mutex, PoisonError};
#[cfg(feature = "postgres")]
use std::time::Duration;
#[cfg(feature = "postgres")]
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use lback_core::{Clock, Error, Result};

use crate::changes::Recording;
use crate::database_url::Target;
use crate::statements::Watch;
use crate::{Db, DbSettings, PooledDb};
#[cfg(feature = "postgres")]
use crate::{Isolation, Postgres};

/// Opens the connections of the pool.
#[derive(Clone)]
pub struct Manager {
    pub(crate) target: Target,
    pub(crate) settings: DbSettings,
    /// The clock of the application, which its connections know.
    clock: Clock,
    /// The time when a connection was last found dead. Connections that were last used before are not trusted.
    #[cfg(feature = "postgres")]
    last_death: Arc<Mutex<Option<Instant>>>,
    /// The recorder of the changes on connections of the pool.
    pub(crate) recording: Arc<OnceLock<Arc<Recording>>>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager").field("target", &self.target).finish_non_exhaustive()
    }
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The application's work.
    Work,
    /// The very first connection, which creates a SQLite file that does not exist.
    Start,
    /// Migrations, which may take as long as they need.
    Migrate,
}

/// After this time without use, a connection to a server is checked before it is used.
#[cfg(feature = "postgres")]
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The time when a connection of the pool was last given out.
#[cfg(feature = "postgres")]
struct LastUsed(Instant);

type OpenError = diesel::r2d2::Error;

impl Manager {
    pub(crate) fn new(target: Target, settings: DbSettings, clock: Clock) -> Self {
        Manager {
            target,
            settings,
            clock,
            #[cfg(feature = "postgres")]
            last_death: Arc::default(),
            recording: Arc::default(),
        }
    }

    /// Opens a connection outside of the pool.
    pub(crate) fn open(&self, purpose: Purpose) -> Result<Db, OpenError> {
        self.open_watched(purpose, false)
    }

    /// Opens a connection. The toolbar and tests see its statements only if it belongs to the pool, whose connections requests use.
    fn open_watched(&self, purpose: Purpose, of_pool: bool) -> Result<Db, OpenError> {
        let mut connection = match &self.target {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(path) => self.open_sqlite(path, purpose).map(Db::Sqlite),
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => self.open_postgres(url, purpose).map(Db::Postgres),
        }?;
        connection.set_instrumentation(Watch::new(self.settings.database_slow_ms.into(), of_pool));
        Ok(connection)
    }

    #[cfg(feature = "sqlite")]
    fn open_sqlite(&self, path: &std::path::Path, purpose: Purpose) -> Result<crate::Sqlite, OpenError> {
        // Without `rw`, a database that was deleted would come back empty, and every request would fail in a new way.
        let mode = if purpose == Purpose::Start { "rwc" } else { "rw" };
        if purpose == Purpose::Start {
            // Readable by its owner only; SQLite gives its log the same mode. If this fails, SQLite reports the reason.
            let _ = lback_core::private_files::options().create_new(true).open(path);
        }
        let path = path.to_string_lossy();
        let uri = format!("file:{}?mode={mode}", percent_encoding::utf8_percent_encode(&path, URI));
        let mut connection = SqliteConnection::establish(&uri).map_err(OpenError::ConnectionError)?;
        let busy = self.settings.database_busy_timeout_ms;
        let query = |sql: &str, connection: &mut SqliteConnection| connection.batch_execute(sql).map_err(OpenError::QueryError);
        query(&format!("PRAGMA busy_timeout = {busy}; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"), &mut connection)?;
        // Migrations are few and large; SQLite runs their checkpoints by itself.
        if purpose == Purpose::Work {
            query(&format!("PRAGMA wal_autocheckpoint = {};", crate::checkpoint::LONGEST), &mut connection)?;
        }
        match query("PRAGMA journal_mode = WAL;", &mut connection) {
            Err(error) if purpose == Purpose::Start && error.to_string().contains(NOT_A_DATABASE) => return Err(error),
            // This fails on a read-only file, which can be read all the same.
            Err(error) => tracing::warn!(%error, "SQLite cannot use its write-ahead log"),
            Ok(()) => (),
        }
        crate::Sqlite::new(connection, self.clock.clone()).map_err(OpenError::QueryError)
    }

    #[cfg(feature = "postgres")]
    fn open_postgres(&self, url: &crate::postgres_url::PostgresUrl, purpose: Purpose) -> Result<Postgres, OpenError> {
        let url = url.with_limits(Duration::from_secs(self.settings.database_connect_timeout_seconds));
        let mut connection = PgConnection::establish(url.expose()).map_err(OpenError::ConnectionError)?;
        let settings = &self.settings;
        let (statement, lock, isolation) = match purpose {
            Purpose::Migrate => (0, 0, Isolation::ReadCommitted),
            _ => (settings.database_statement_timeout_ms, settings.database_busy_timeout_ms, settings.database_isolation),
        };
        let isolation = isolation.name();
        connection
            .batch_execute(&format!(
                "SET statement_timeout = {statement}; SET lock_timeout = {lock}; SET default_transaction_isolation = '{isolation}'"
            ))
            .map_err(OpenError::QueryError)?;
        Ok(Postgres::new(connection, self.clock.clone(), Some(self.clone())))
    }

    /// Opens a connection in the place of one that the server has closed. Returns `None` if that fails.
    #[cfg(feature = "postgres")]
    pub(crate) fn reopen(&self) -> Option<Postgres> {
        match &self.target {
            Target::Postgres(url) => self.open_postgres(url, Purpose::Work).ok(),
            #[cfg(feature = "sqlite")]
            Target::Sqlite(_) => None,
        }
    }

    /// Records that the server has closed a connection, so that the others are tested before they are used.
    #[cfg(feature = "postgres")]
    pub(crate) fn note_death(&self) {
        *self.last_death.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Returns whether a connection of the pool, which may have been idle for long, is still alive.
    ///
    /// A connection to a server is checked if it was not used for a while or another one has died meanwhile. So after a restart of
    /// the server, requests get a good connection instead of an error for each dead one.
    pub(crate) fn is_alive(&self, connection: &mut PooledDb) -> bool {
        match &mut **connection {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => true,
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => {
                let now = Instant::now();
                let last_death = *self.last_death.lock().unwrap_or_else(PoisonError::into_inner);
                let last_used = PooledDb::extensions(connection).get::<LastUsed>().map(|last| last.0);
                let trusted = last_used.is_some_and(|last| now - last < TRUSTED_FOR && last_death.is_none_or(|death| death < last));
                PooledDb::extensions_mut(connection).insert(LastUsed(now));
                trusted || connection.batch_execute("SELECT 1").is_ok()
            }
        }
    }

    /// Returns the error for a start at which the database cannot be opened, with its remedy.
    pub(crate) fn cannot_open(&self, error: OpenError) -> Error {
        let message = match &self.target {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(path) if error.to_string().contains(NOT_A_DATABASE) => format!(
                "the file {} is not a SQLite database, or is encrypted. Move it away, or name another file in DATABASE_URL",
                path.display()
            ),
            #[cfg(feature = "sqlite")]
            Target::Sqlite(path) => format!(
                "the database {} cannot be opened. Its folder must exist and be writable; DATABASE_URL in settings.toml names it",
                path.display()
            ),
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => {
                format!("the database at {} cannot be reached. {}", url.place(), crate::postgres_error::remedy_at_start(&error.to_string()))
            }
        };
        Error::internal(message).with_source(error)
    }
}

#[cfg(feature = "sqlite")]
const NOT_A_DATABASE: &str = "file is not a database";

/// The characters with a meaning in SQLite's file URIs.
#[cfg(feature = "sqlite")]
const URI: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b'%').add(b'?').add(b'#');

impl r2d2::ManageConnection for Manager {
    type Connection = Db;
    type Error = OpenError;

    fn connect(&self) -> Result<Db, Self::Error> {
        self.open_watched(Purpose::Work, true)
    }

    /// Not used: see [`Manager::is_alive`].
    fn is_valid(&self, _: &mut Db) -> Result<(), Self::Error> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut Db) -> bool {
        connection.stop_waiting();
        // A transaction that was not ended, or whose end the server did not confirm.
        let broken = connection.in_transaction().unwrap_or(true) || connection.is_lost();
        match broken {
            true => connection.forget_changes(),
            false => connection.announce_late(),
        }
        #[cfg(feature = "postgres")]
        if broken && connection.kind() == crate::Kind::Postgres {
            self.note_death();
        }
        broken
    }
}
