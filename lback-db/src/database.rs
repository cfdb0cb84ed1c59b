//! The application's database: its pool of connections.

use std::fmt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use lback_core::{Clock, Error, Request, Result, blocking};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::changes::{ChangeRecorder, Recording, UnitChanges};
use crate::database_url::Target;
use crate::manager::{Manager, Purpose};
use crate::notices::Listeners;
use crate::statements::asked_at;
use crate::turns::Turns;
use crate::{Db, DbSession, DbSettings, Isolation, Kind, PooledDb};

/// The database of an application. Cheap to clone; all clones share one pool.
///
/// Views use [`req.db()`](crate::RequestDb::db). This is for work outside of requests.
#[derive(Clone)]
pub struct Database {
    pool: r2d2::Pool<Manager>,
    turns: Arc<Turns>,
    manager: Arc<Manager>,
    /// Permits to use a connection for a response that is being sent.
    streams: Arc<Semaphore>,
    listeners: Arc<Listeners>,
    #[cfg(feature = "sqlite")]
    file: Option<Arc<crate::sqlite_file::OpenedFile>>,
    #[cfg(feature = "sqlite")]
    log: Arc<crate::checkpoint::Log>,
}

/// Shows no address, which may contain a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("kind", &self.kind()).field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database that the settings name, with the clock of the system. A SQLite file that does not exist is created.
    ///
    /// # Errors
    /// Returns an error that says what to do if `DATABASE_URL` is invalid or the database cannot be opened.
    pub fn open(settings: &DbSettings, root: &Path) -> Result<Self> {
        Self::open_with_clock(settings, root, Clock::system())
    }

    /// As [`open`](Self::open). The connections get the time from `clock`, which is that of the application: see [`Db::now`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(settings: &DbSettings, root: &Path, clock: Clock) -> Result<Self> {
        let target = Target::parse(settings.database_url.expose(), root)?;
        let manager = Manager::new(target, settings.clone(), clock);
        manager.open(Purpose::Start).map_err(|error| manager.cannot_open(error))?;
        let pool = r2d2::Pool::builder()
            .max_size(settings.database_pool_size.max(1))
            // No spare connections: a command that ends while another thread is connecting could crash in libpq, as its libraries
            // are being unloaded by then.
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(settings.database_wait_seconds.max(1)))
            .error_handler(Box::new(LogErrors))
            .build_unchecked(manager.clone());
        Ok(Database {
            #[cfg(feature = "sqlite")]
            file: match &manager.target {
                Target::Sqlite(path) => Some(Arc::new(crate::sqlite_file::OpenedFile::at(path))),
                #[cfg(feature = "postgres")]
                Target::Postgres(_) => None,
            },
            #[cfg(feature = "sqlite")]
            log: Arc::default(),
            streams: Arc::new(Semaphore::new(max_streams(&pool) as usize)),
            listeners: Arc::default(),
            pool,
            turns: Arc::default(),
            manager: Arc::new(manager),
        })
    }

    /// Returns the kind of the database.
    pub fn kind(&self) -> Kind {
        self.manager.target.kind()
    }

    /// Returns the path of the file of a SQLite database.
    pub fn path(&self) -> Option<PathBuf> {
        match &self.manager.target {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(path) => Some(path.clone()),
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => None,
        }
    }

    /// Checks that the file of a SQLite database is still in its place. This belongs before a commit: what is written to a file that
    /// was deleted or replaced is lost.
    ///
    /// # Errors
    /// Returns 503 if it is not; the message says what to do.
    pub fn check_file(&self) -> Result<()> {
        #[cfg(feature = "sqlite")]
        if let Some(file) = &self.file {
            file.check()?;
        }
        Ok(())
    }

    /// Counts writes that were committed on this connection, and starts a checkpoint of SQLite's log in a thread when it is due. A
    /// small part of the checkpoint may run on this connection, so call this when few others wait for it.
    ///
    /// Units of work call it by themselves.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "PostgreSQL runs checkpoints by itself"))]
    pub fn committed(&self, connection: &mut Db, writes: usize) {
        match connection {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => self.log.committed(self, connection.diesel_unrecorded(), writes),
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => (),
        }
    }

    pub(crate) fn manager(&self) -> &Arc<Manager> {
        &self.manager
    }

    pub(crate) fn listeners(&self) -> &Arc<Listeners> {
        &self.listeners
    }

    pub(crate) fn target(&self) -> &Target {
        &self.manager.target
    }

    /// Returns whether `other` is a clone of this, with the same pool.
    pub fn is_same(&self, other: &Database) -> bool {
        Arc::ptr_eq(&self.manager, &other.manager)
    }

    /// Returns the unit of work of `req`, if it has a connection to this database: work of the request must use it, as nothing
    /// may wait for a second connection while it holds one.
    pub fn joined<'r>(&self, req: &'r mut Request) -> Option<&'r mut DbSession> {
        req.extensions_mut().get_mut::<DbSession>().filter(|unit| unit.is_open() && self.is_same(unit.database()))
    }

    /// Returns the unit of work of `req`, if it is on this database and work that must be saved together with the view's
    /// [belongs in it](DbSession::joins_writes).
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn joined_for_writing<'r>(&self, req: &'r mut Request) -> Result<Option<&'r mut DbSession>> {
        match req.extensions_mut().get_mut::<DbSession>().filter(|unit| self.is_same(unit.database())) {
            Some(unit) => Ok(if unit.joins_writes()? { Some(unit) } else { None }),
            None => Ok(None),
        }
    }

    /// As [`joined_for_writing`](Self::joined_for_writing), when the view has [ended](DbSession::joins_written).
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn joined_at_end<'r>(&self, req: &'r mut Request) -> Result<Option<&'r mut DbSession>> {
        match req.extensions_mut().get_mut::<DbSession>().filter(|unit| self.is_same(unit.database())) {
            Some(unit) => Ok(if unit.joins_written()? { Some(unit) } else { None }),
            None => Ok(None),
        }
    }

    /// Returns an idle connection of the pool, or `None` if there is none; [`get`](Self::get) waits for one.
    #[track_caller]
    pub fn try_get(&self) -> Option<PooledDb> {
        asked_at(Location::caller());
        self.idle().and_then(|mut connection| self.manager.is_alive(&mut connection).then(|| self.given_out(connection)))
    }

    /// Returns a connection of the pool. Blocks while all are in use, for at most `DATABASE_WAIT_SECONDS`.
    ///
    /// # Errors
    /// Returns 503 if no connection becomes free in that time or the database cannot be opened.
    #[track_caller]
    pub fn get(&self) -> Result<PooledDb> {
        asked_at(Location::caller());
        let deadline = Instant::now() + self.pool.connection_timeout();
        loop {
            let mut connection = match self.idle() {
                Some(connection) => connection,
                None => self.wait(deadline)?,
            };
            if self.manager.is_alive(&mut connection) {
                if self.kind().is_server() {
                    blocking::about_to_wait();
                }
                return Ok(self.given_out(connection));
            }
            // The dead connection is dropped here, so the pool opens another one.
        }
    }

    /// Returns an idle connection, unless others wait for it.
    fn idle(&self) -> Option<PooledDb> {
        self.turns.is_free().then(|| self.pool.try_get()).flatten()
    }

    /// Records from now on which tables and rows are changed on the connections of the pool, and asks `recorder` before each commit.
    /// There is one recorder; a second one is ignored.
    pub fn record_changes(&self, recorder: Arc<dyn ChangeRecorder>) {
        let _ = self.manager.recording.set(Arc::new(Recording { recorder, commits: AtomicU64::new(0) }));
    }

    /// Returns the number of commits with recorded changes by this process.
    pub fn recorded_commits(&self) -> u64 {
        self.manager.recording.get().map_or(0, |recording| recording.commits.load(Ordering::SeqCst))
    }

    /// Returns whether changes are [recorded](Self::record_changes).
    pub(crate) fn records_changes(&self) -> bool {
        self.manager.recording.get().is_some()
    }

    /// Prepares a connection for its next use.
    fn given_out(&self, mut connection: PooledDb) -> PooledDb {
        if let Some(recording) = self.manager.recording.get() {
            connection.track(recording);
            connection.track_unit(&UnitChanges::default());
        }
        connection
    }

    fn wait(&self, deadline: Instant) -> Result<PooledDb> {
        let busy = || {
            let PoolStats { in_use, max, .. } = self.pool_stats();
            Error::unavailable(format!("no connection to the database: {in_use} of {max} in use"))
        };
        // A pool that is not full opens a connection for each that waits.
        let is_full = self.pool.state().connections == self.pool.max_size();
        let _turn = if is_full { Some(self.turns.wait(deadline).ok_or_else(busy)?) } else { None };
        let left = deadline.saturating_duration_since(Instant::now());
        self.pool.get_timeout(left).map_err(|error| busy().with_source(error))
    }

    /// Opens a connection outside of the pool.
    ///
    /// # Errors
    /// Returns 503 if the database cannot be opened.
    #[track_caller]
    pub fn connect(&self) -> Result<Db> {
        asked_at(Location::caller());
        self.open_for(Purpose::Work)
    }

    pub(crate) fn isolation(&self) -> Isolation {
        self.manager.settings.database_isolation
    }

    fn get_at(&self, place: &'static Location<'static>) -> Result<PooledDb> {
        let connection = self.get()?;
        asked_at(place);
        Ok(connection)
    }

    /// Returns the number of connections of the pool, and how they are used.
    ///
    /// ```
    /// # use lback::db::{Database, DbSettings};
    /// # use lback::settings::Secret;
    /// # let settings = DbSettings { database_url: Secret::new("sqlite:db.sqlite"), ..DbSettings::default() };
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let database = Database::open(&settings, folder.path()).unwrap();
    /// let connection = database.get().unwrap();
    /// let stats = database.pool_stats();
    /// assert_eq!((stats.max, stats.open, stats.in_use, stats.idle), (8, 1, 1, 0));
    /// assert_eq!(stats.to_string(), "1 of 8 connections open, 1 in use");
    /// # drop(connection);
    /// ```
    pub fn pool_stats(&self) -> PoolStats {
        let state = self.pool.state();
        let in_use = state.connections.saturating_sub(state.idle_connections);
        PoolStats { max: self.pool.max_size(), open: state.connections, idle: state.idle_connections, in_use }
    }

    /// Returns how long work on the database may be waited for: the time for a connection, and then for a lock.
    pub fn patience(&self) -> Duration {
        self.pool.connection_timeout() + Duration::from_millis(self.manager.settings.database_busy_timeout_ms.into())
    }

    /// Returns how long a statement may be waited for, in case the server hangs: a little longer than the server itself allows.
    /// `None` if there is no limit.
    pub(crate) fn statement_patience(&self) -> Option<Duration> {
        let allowed = self.manager.settings.database_statement_timeout_ms;
        (self.kind().is_server() && allowed > 0).then(|| Duration::from_millis(allowed.into()) + self.patience())
    }

    pub(crate) fn open_for(&self, purpose: Purpose) -> Result<Db> {
        self.manager.open(purpose).map_err(|error| Error::unavailable("the database cannot be opened").with_source(error))
    }

    /// Runs `work`, which only reads, on a connection of the pool, without a transaction. It may be called from code that serves
    /// connections: if it must wait, they move to another thread first.
    ///
    /// # Errors
    /// Returns the errors of [`get`](Self::get) and of `work`.
    #[track_caller]
    pub fn read<T>(&self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        let place = Location::caller();
        // A SQLite file answers so fast that moving connections does not pay off. A server or an exhausted pool takes longer.
        if !self.kind().is_server()
            && let Some(mut connection) = self.try_get()
        {
            asked_at(place);
            return work(&mut connection);
        }
        blocking::in_place(|| work(&mut *self.get_at(place)?))
    }

    /// Returns the permission to use a connection for as long as a client reads a response.
    pub(crate) fn stream_permit(&self) -> Result<OwnedSemaphorePermit> {
        self.streams.clone().try_acquire_owned().map_err(|_| {
            let max = max_streams(&self.pool);
            Error::unavailable(format!("{max} responses are being read from the database, which is half of DATABASE_POOL_SIZE"))
        })
    }

    /// Runs `work`, which only reads, in a transaction in which it sees one state of the database, without a limit of time for its
    /// statements.
    ///
    /// # Errors
    /// Returns the errors of [`get`](Self::get) and of `work`.
    pub fn read_at_length(&self, work: impl FnOnce(&mut Db) -> Result<()>) -> Result<()> {
        self.get()?.transaction(|db| {
            if db.kind().is_server() {
                db.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0")?;
            }
            work(db)
        })
    }

    /// Runs `work` in a transaction of its own, which is committed if it returns `Ok` and rolled back if it does not. It may be called
    /// from code that serves connections: they move to another thread first.
    ///
    /// ```no_run
    /// # use lback::Result;
    /// use diesel::prelude::*;
    /// use lback::db::Database;
    ///
    /// fn forget_carts(database: &Database) -> Result<usize> {
    ///     database.write(|db| Ok(diesel::sql_query("DELETE FROM carts").execute(db)?))
    /// }
    /// ```
    ///
    /// In a request that has a transaction open, use [`req.write_db()`](crate::RequestDb::write_db): on SQLite this would wait for
    /// that transaction.
    ///
    /// # Errors
    /// Returns 503 if there is no connection or the database is locked; those of `work` and of the commit.
    #[track_caller]
    pub fn write<T>(&self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        let place = Location::caller();
        blocking::in_place(|| {
            let mut unit = DbSession::for_writing(self.clone());
            let value = work(unit.connection_at(place)?)?;
            unit.commit()?;
            Ok(value)
        })
    }

    /// Runs `work` on a connection of the pool, without a transaction, on a thread that may block: for async code.
    ///
    /// # Errors
    /// Returns the errors of [`get`](Self::get) and of `work`; 500 if `work` panics.
    #[track_caller]
    pub fn run<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        let (database, place) = (self.clone(), Location::caller());
        async move { blocking::on_thread(move || work(&mut *database.get_at(place)?)).await? }
    }

    /// As [`write`](Self::write), for async code.
    ///
    /// # Errors
    /// As [`write`](Self::write); 500 if `work` panics.
    #[track_caller]
    pub fn run_write<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        let (database, place) = (self.clone(), Location::caller());
        let write = move || {
            database.write(|db| {
                asked_at(place);
                work(db)
            })
        };
        async move { blocking::on_thread(write).await? }
    }
}

/// The use of a [pool](Database::pool_stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// The maximum number of connections: `DATABASE_POOL_SIZE`.
    pub max: u32,
    /// The number of open connections.
    pub open: u32,
    /// The number of open connections that wait for work.
    pub idle: u32,
    /// The number of connections that are in use or being opened.
    pub in_use: u32,
}

impl fmt::Display for PoolStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} connections open, {} in use", self.open, self.max, self.in_use)
    }
}

/// Returns how many connections responses that are being sent may use: half of the pool, and at least one.
fn max_streams(pool: &r2d2::Pool<Manager>) -> u32 {
    (pool.max_size() / 2).max(1)
}

/// Logs the errors that r2d2 reports when it opens connections in the background.
#[derive(Debug)]
struct LogErrors;

impl r2d2::HandleError<diesel::r2d2::Error> for LogErrors {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        tracing::error!(target: "lback::db", %error, "cannot connect to the database");
    }
}
