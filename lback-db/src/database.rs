//! The application's database: its pool of connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lback_core::{Error, Result};

use crate::connection::{Manager, Target};
use crate::{Db, DbSettings, Kind, PooledDb};

/// The database of an application. Cheap to clone; all clones share one pool.
///
/// In a view, [`req.db()`](crate::RequestDb::db) is what you want. This is for work outside of requests.
#[derive(Clone)]
pub struct Database {
    pool: r2d2::Pool<Manager>,
    manager: Arc<Manager>,
}

impl Database {
    /// Opens the database that the settings name, and makes it where it does not exist.
    ///
    /// # Errors
    /// Where `DATABASE_URL` is not understood, or the database cannot be opened; the message says what to do.
    pub fn open(settings: &DbSettings, root: &Path) -> Result<Self> {
        let url = settings.database_url.expose();
        let target = Target::parse(url, root)?;
        let manager = Manager { target, busy_timeout_ms: settings.database_busy_timeout_ms };
        manager.open(true).map_err(|error| manager.cannot_open(error))?;
        let pool = r2d2::Pool::builder()
            .max_size(settings.database_pool_size.max(1))
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(settings.database_wait_seconds.max(1)))
            .error_handler(Box::new(LogErrors))
            .build_unchecked(manager.clone());
        Ok(Database { pool, manager: Arc::new(manager) })
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        match self.manager.target {
            Target::Sqlite(_) => Kind::Sqlite,
        }
    }

    /// The file of a SQLite database.
    pub fn path(&self) -> Option<PathBuf> {
        match &self.manager.target {
            Target::Sqlite(path) => Some(path.clone()),
        }
    }

    /// Is `other` this database, through the same pool?
    pub fn is_same(&self, other: &Database) -> bool {
        Arc::ptr_eq(&self.manager, &other.manager)
    }

    /// A connection of the pool. Blocks while all are in use, at most `DATABASE_WAIT_SECONDS`.
    ///
    /// # Errors
    /// 503 where none became free in that time, or the database cannot be opened.
    pub fn get(&self) -> Result<PooledDb> {
        if let Some(connection) = self.pool.try_get() {
            return Ok(connection);
        }
        self.pool.get().map_err(|error| {
            let state = self.pool.state();
            let busy = state.connections.saturating_sub(state.idle_connections);
            Error::unavailable(format!("no connection to the database: {busy} of {} in use", self.pool.max_size())).with_source(error)
        })
    }

    /// A connection of the pool, if one is idle.
    pub fn try_get(&self) -> Option<PooledDb> {
        self.pool.try_get()
    }

    /// A connection of its own, outside the pool.
    ///
    /// # Errors
    /// 503 where the database cannot be opened.
    pub fn connect(&self) -> Result<Db> {
        self.manager.open(false).map_err(|error| Error::unavailable("the database cannot be opened").with_source(error))
    }

    /// Runs `work` with a connection, on a thread where it may block.
    ///
    /// # Errors
    /// Those of [`get`](Self::get) and of `work`.
    pub async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        let database = self.clone();
        let work = move || work(&mut *database.get()?);
        tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal("database work did not finish").with_source(error))?
    }
}

impl Manager {
    fn cannot_open(&self, error: diesel::r2d2::Error) -> Error {
        let message = match &self.target {
            Target::Sqlite(path) => format!(
                "the database {} cannot be opened. Its folder must exist and be writable; it is named by DATABASE_URL in settings.toml",
                path.display()
            ),
        };
        Error::internal(message).with_source(error)
    }
}

/// r2d2 reports here what goes wrong while it opens connections in the background.
#[derive(Debug)]
struct LogErrors;

impl r2d2::HandleError<diesel::r2d2::Error> for LogErrors {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        tracing::error!(target: "lback::db", %error, "cannot connect to the database");
    }
}
