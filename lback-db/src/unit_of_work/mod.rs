//! One transaction per request, begun when it is first needed.

mod hooks;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use lback_core::{Error, Request, Response, Result, StatusCode, blocking};

use self::hooks::Hooks;
pub(crate) use self::hooks::{EndHooks, run_guarded};
use crate::connection::Intent;
use crate::statements::asked_at;
use crate::{Database, Db, Isolation, PooledDb, UnitChanges};

/// The unit of work of one request: it takes no connection until the first call of [`connection`](Self::connection), and is ended by
/// [`DbSessionMiddleware`](crate::DbSessionMiddleware).
///
/// All that it writes is one transaction. On SQLite, the transaction begins with the first call. On PostgreSQL, it begins with the
/// first statement that is not known to be a plain read: a statement alone sees the same as one in a `READ COMMITTED` transaction, and
/// costs one round trip instead of three. [`transaction`](Self::transaction) begins it earlier, and with a stricter
/// [isolation](Self::set_isolation), it begins with the first statement of any kind.
///
/// When it ends with a commit, this happens in this order:
///
/// 1. [`before_commit`](Self::before_commit) hooks run on its connection, in the order of registration. The first error rolls
///    everything back.
/// 2. The transaction is committed.
/// 3. [`on_commit`](Self::on_commit) hooks run, or, if it could not be committed, [`on_rollback`](Self::on_rollback) hooks.
/// 4. [`on_end`](Self::on_end) hooks run with the request and its result.
///
/// Steps 1 to 3 share one hand-off to a thread that may block. A unit of work that is dropped without a commit is rolled back.
pub struct DbSession {
    database: Arc<Database>,
    intent: Intent,
    isolation: Isolation,
    /// Boxed, as most requests never have one.
    open: Option<Box<Open>>,
    state: State,
    /// The changes that are not committed yet, if they are recorded.
    changes: Option<UnitChanges>,
    /// Boxed, as most requests never have any.
    hooks: Option<Box<Hooks>>,
}

impl fmt::Debug for DbSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DbSession").field("is_open", &self.open.is_some()).finish_non_exhaustive()
    }
}

struct Open {
    connection: PooledDb,
    /// The number of changes on the connection before the transaction, if the database counts them and the transaction was begun
    /// for reading.
    changes_before: Option<i64>,
}

impl Open {
    /// Returns whether there is anything to commit. If the database does not count changes, a transaction counts as one.
    fn has_written(&mut self) -> Result<bool> {
        match self.changes_before {
            None => Ok(!self.connection.is_waiting()),
            before => Ok(self.connection.total_changes()? != before),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Finished,
}

impl DbSession {
    pub(crate) fn new(database: Arc<Database>, intent: Intent) -> Self {
        DbSession { isolation: database.isolation(), database, intent, open: None, state: State::Active, changes: None, hooks: None }
    }

    /// Returns a unit of work for use outside of requests, which will write. The caller [commits](Self::commit) it.
    ///
    /// [`Database::write`] does both.
    #[must_use = "a unit of work that is dropped without a commit is rolled back"]
    pub fn for_writing(database: Database) -> Self {
        Self::new(Arc::new(database), Intent::Write)
    }

    /// Returns the connection, which runs statements in the request's transaction. The first call takes it from the pool.
    ///
    /// # Errors
    /// Returns 503 if there is no connection or the database is locked, and 500 if the unit of work has ended.
    #[track_caller]
    pub fn connection(&mut self) -> Result<&mut Db> {
        self.connection_at(Location::caller())
    }

    pub(crate) fn connection_at(&mut self, place: &'static Location<'static>) -> Result<&mut Db> {
        self.require_active(place)?;
        if self.open.is_none() {
            self.open = Some(Box::new(self.begin()?));
        }
        match &mut self.open {
            Some(open) => {
                asked_at(place);
                Ok(&mut open.connection)
            }
            None => Err(Error::internal("the request has no connection")),
        }
    }

    /// Returns the [connection](Self::connection), and begins the transaction if it has not begun: for statements with effects that
    /// their SQL does not show.
    ///
    /// # Errors
    /// As [`connection`](Self::connection), and 503 if the transaction cannot begin.
    #[track_caller]
    pub fn transaction(&mut self) -> Result<&mut Db> {
        let connection = self.connection()?;
        connection.begin_now().map_err(cannot_begin)?;
        Ok(connection)
    }

    /// Sets the isolation of the transaction, instead of `DATABASE_ISOLATION`. It has no effect on SQLite, whose transactions are
    /// always serializable.
    ///
    /// # Errors
    /// Returns 500 if the transaction has begun or the unit of work has ended.
    #[track_caller]
    pub fn set_isolation(&mut self, isolation: Isolation) -> Result<()> {
        let place = Location::caller();
        self.require_active(place)?;
        self.isolation = isolation;
        let Some(open) = self.open.as_mut().filter(|open| open.connection.kind().is_server()) else { return Ok(()) };
        if !open.connection.is_waiting() {
            return Err(Error::internal(format!("the isolation of a transaction that has begun cannot change (set at {place})")));
        }
        open.connection.begin(self.intent, isolation).map_err(cannot_begin)
    }

    fn require_active(&self, place: &'static Location<'static>) -> Result<()> {
        match self.state {
            State::Active => Ok(()),
            State::Finished => Err(Error::internal(format!("the request's unit of work has already ended (used at {place})"))),
        }
    }

    /// Runs `work` on the [connection](Self::connection). If the database is a server, `work` may block: connections that the
    /// current thread serves move to another one. A SQLite file answers too fast for that to pay off.
    ///
    /// # Errors
    /// As [`connection`](Self::connection), and those of `work`.
    #[track_caller]
    pub fn run<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        let place = Location::caller();
        match self.database.kind().is_server() {
            true => blocking::in_place(|| work(self.connection_at(place)?)),
            false => work(self.connection_at(place)?),
        }
    }

    fn begin(&mut self) -> Result<Open> {
        let mut connection = self.database.get()?;
        if self.database.records_changes() {
            connection.track_unit(self.changes.get_or_insert_default());
        }
        connection.begin(self.intent, self.isolation).map_err(cannot_begin)?;
        let changes_before = match self.intent {
            Intent::Read => connection.total_changes().map_err(cannot_begin)?,
            Intent::Write => None,
        };
        Ok(Open { connection, changes_before })
    }

    /// Returns the changes that are not committed yet. They are recorded only if the database has a [recorder](Database::record_changes).
    pub fn changes(&mut self) -> UnitChanges {
        self.changes.get_or_insert_default().clone()
    }

    /// Returns the connection, if it has one.
    pub fn open_connection(&mut self) -> Option<&mut Db> {
        self.open.as_mut().map(|open| &mut *open.connection)
    }

    /// Returns whether all statements of the transaction see the database as it was when the first one began.
    pub fn sees_one_state(&self) -> bool {
        !self.database.kind().is_server() || self.isolation != Isolation::ReadCommitted
    }

    /// Returns the database that this works on.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Returns whether it has taken a connection.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Returns whether there is anything to end: it has taken a connection, or a [`before_commit`](Self::before_commit) hook will.
    pub fn needs_commit(&self) -> bool {
        self.is_open() || self.has_before_commit()
    }

    fn has_before_commit(&self) -> bool {
        self.hooks.as_ref().is_some_and(|hooks| !hooks.before_commit.is_empty())
    }

    /// Returns whether there is anything to do at the end.
    pub(crate) fn has_work(&self) -> bool {
        self.open.is_some() || self.hooks.is_some()
    }

    /// Returns whether work that must be saved together with the view's belongs in this transaction: if it has written, or a
    /// [`before_commit`](Self::before_commit) hook will, or it has a connection and the request's method is one that writes.
    ///
    /// SQLite cannot turn a transaction that has only read into one that writes. Such a transaction has nothing to save, and is
    /// ended, so that what follows does not wait for it.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn joins_writes(&mut self) -> Result<bool> {
        self.joins(self.intent == Intent::Write)
    }

    /// As [`joins_writes`](Self::joins_writes) when the view has ended, so that only what it has written counts.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn joins_written(&mut self) -> Result<bool> {
        self.joins(false)
    }

    /// Makes the transaction one that can write, before a statement that must be saved with whatever the view writes. On SQLite, a
    /// transaction that has only read is ended, as it could not write if others have written meanwhile.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn require_writing(&mut self) -> Result<()> {
        let may_write = self.intent == Intent::Write || self.open.as_ref().is_some_and(|open| open.connection.kind().is_server());
        if !self.joins(may_write)? {
            self.intent = Intent::Write;
        }
        Ok(())
    }

    fn joins(&mut self, may_write: bool) -> Result<bool> {
        if let Some(open) = &mut self.open {
            if may_write || open.has_written()? {
                return Ok(true);
            }
            open.connection.commit()?;
            self.open = None;
        }
        let will_write = self.has_before_commit();
        if will_write {
            // A transaction that the caller begins now must be one that can write.
            self.intent = Intent::Write;
        }
        Ok(will_write)
    }

    /// Returns whether the commit must wait for a disk or a network.
    fn commit_blocks(&mut self) -> bool {
        self.has_before_commit() || self.open.as_mut().is_some_and(|open| open.has_written().unwrap_or(false))
    }

    fn hooks(&mut self) -> &mut Hooks {
        self.hooks.get_or_insert_default()
    }

    /// Runs `work` directly before the commit, on the same connection and in the same transaction, which is begun if it has not been.
    /// If it fails, everything is rolled back and the request is answered with its error.
    ///
    /// It does not run if the request is rolled back anyway. Several run in the order in which they were registered: what views
    /// register comes before what middleware does on the way out, and inner middleware comes before outer. It runs on a thread that
    /// may block.
    pub fn before_commit(&mut self, work: impl FnOnce(&mut Db) -> Result<()> + Send + 'static) {
        self.hooks().before_commit.push(Box::new(work));
    }

    /// Runs `work` after the commit, and never if the work is rolled back or cannot be committed. The connection has been given back
    /// by then. Without a transaction it runs when the unit of work ends well.
    ///
    /// It must not block. It cannot fail the request; a panic is logged.
    pub fn on_commit(&mut self, work: impl FnOnce() + Send + 'static) {
        self.hooks().on_commit.push(Box::new(work));
    }

    /// Runs `work` if the unit of work is rolled back or cannot be committed: for work in its transaction that must
    /// happen in either case. The connection has been given back by then.
    pub fn on_rollback(&mut self, work: impl FnOnce() + Send + 'static) {
        self.hooks().on_rollback.push(Box::new(work));
    }

    /// Runs `work` once the unit of work has ended, with the request and its result: for middleware whose response depends on what a
    /// [`before_commit`](Self::before_commit) hook did. [`Request::outcome`] tells whether the work was committed.
    ///
    /// It runs for requests only, and not for one that is given up, for example by its timeout.
    pub fn on_end(&mut self, work: impl FnOnce(&mut Request, &mut Result<Response>) + Send + 'static) {
        self.hooks().on_end.push(Box::new(work));
    }

    pub(crate) fn take_end_hooks(&mut self) -> EndHooks {
        EndHooks(self.hooks.as_mut().map(|hooks| std::mem::take(&mut hooks.on_end)).unwrap_or_default())
    }

    /// Commits the work, on a thread that may block if the commit waits for a disk or a network.
    pub(crate) async fn commit_aside(mut self) -> Result<()> {
        if !self.commit_blocks() {
            return self.commit();
        }
        // Each hook may run statements of its own.
        let works = 1 + self.hooks.as_ref().map_or(0, |hooks| hooks.before_commit.len());
        end_aside(self.database.clone(), works, move || self.commit()).await?
    }

    /// Runs the [`before_commit`](Self::before_commit) hooks and commits the work.
    ///
    /// # Errors
    /// Returns the errors of the hooks and of the database; everything is rolled back then. If the connection is lost during the
    /// commit, it is not known whether the work was saved.
    pub fn commit(&mut self) -> Result<()> {
        let result = self.run_before_commit().and_then(|()| self.commit_transaction());
        self.state = State::Finished;
        match result {
            Ok(()) => {
                if let Some(hooks) = self.hooks.take() {
                    run_guarded(hooks.on_commit);
                }
            }
            Err(_) => self.undo(),
        }
        result
    }

    fn run_before_commit(&mut self) -> Result<()> {
        let works = match &mut self.hooks {
            Some(hooks) if !hooks.before_commit.is_empty() => std::mem::take(&mut hooks.before_commit),
            _ => return Ok(()),
        };
        // A transaction of SQLite that has only read is ended, as it cannot write.
        let may_write = self.open.as_ref().is_some_and(|open| open.connection.is_waiting());
        self.joins(may_write)?;
        self.intent = Intent::Write;
        for work in works {
            work(self.connection()?).map_err(|error| {
                // With a status below 500, the session would be kept although its changes in this transaction are lost.
                if error.is_server_error() { error } else { error.with_status(StatusCode::INTERNAL_SERVER_ERROR) }
            })?;
        }
        Ok(())
    }

    fn commit_transaction(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        self.database.check_file()?;
        let failed = |error| Error::internal("the changes to the database could not be saved").with_source(error);
        open.connection.commit().map_err(failed)?;
        if open.changes_before.is_none() {
            self.database.committed(&mut open.connection, 1);
        }
        // The connection goes back to the pool before anything else runs.
        self.open = None;
        Ok(())
    }

    fn undo(&mut self) {
        if let Some(undoing) = self.end() {
            undoing.run();
        }
    }

    /// Rolls the work back and gives the connection back, on a thread that may block if it waits for a network. The unit of work has
    /// ended then.
    pub async fn rollback(&mut self) {
        let Some(undoing) = self.end() else { return };
        if !undoing.waits_for_server() {
            return undoing.run();
        }
        if let Err(error) = end_aside(self.database.clone(), 1, move || undoing.run()).await {
            tracing::warn!(target: "lback::db", %error, "a transaction could not be rolled back");
        }
    }

    /// Ends the unit of work. Returns what there is to undo. The end hooks stay.
    fn end(&mut self) -> Option<Undoing> {
        self.state = State::Finished;
        let open = self.open.take();
        let on_rollback = match &mut self.hooks {
            Some(hooks) => {
                hooks.before_commit.clear();
                hooks.on_commit.clear();
                std::mem::take(&mut hooks.on_rollback)
            }
            None => Vec::new(),
        };
        (open.is_some() || !on_rollback.is_empty()).then_some(Undoing { open, on_rollback })
    }
}

fn cannot_begin(error: diesel::result::Error) -> Error {
    Error::unavailable("the database cannot begin a transaction").with_source(error)
}

/// A transaction to roll back, and what runs then.
struct Undoing {
    open: Option<Box<Open>>,
    on_rollback: Vec<Box<dyn FnOnce() + Send>>,
}

impl Undoing {
    fn waits_for_server(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.connection.kind().is_server() && !open.connection.is_waiting())
    }

    fn run(self) {
        if let Some(mut open) = self.open
            && let Err(error) = open.connection.rollback()
        {
            // The connection stays in its transaction; the pool drops it.
            tracing::warn!(target: "lback::db", %error, "a transaction could not be rolled back");
        }
        run_guarded(self.on_rollback);
    }
}

/// Ends a transaction on a thread that may block, and waits for it: `works` times as long as for a statement if it is a server that
/// may hang.
async fn end_aside<T: Send + 'static>(database: Arc<Database>, works: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let work = blocking::on_thread(work);
    match database.statement_patience() {
        None => work.await,
        Some(patience) => {
            let patience = patience.saturating_mul(u32::try_from(works).unwrap_or(u32::MAX));
            let late = || Error::unavailable(format!("the database did not end a transaction within {patience:?}"));
            tokio::time::timeout(patience, work).await.map_err(|_| late())?
        }
    }
}

impl Drop for DbSession {
    fn drop(&mut self) {
        let Some(undoing) = self.end() else { return };
        match tokio::runtime::Handle::try_current() {
            // This thread may serve connections, and must not wait for a server.
            Ok(runtime) if undoing.waits_for_server() => drop(runtime.spawn_blocking(move || undoing.run())),
            _ => undoing.run(),
        }
    }
}
