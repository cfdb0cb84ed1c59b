//! One transaction per request, opened when it is first needed.

use std::panic::Location;
use std::sync::Arc;

use lback_core::{Error, Result};

use crate::connection::Intent;
use crate::{Database, Db, PooledDb};

/// The unit of work of one request: no connection until the first [`connection`](Self::connection), one transaction
/// from then on, ended by [`DbSessionMiddleware`](crate::DbSessionMiddleware).
///
/// Dropped unfinished, it rolls back.
pub struct DbSession {
    database: Arc<Database>,
    intent: Intent,
    /// Boxed: most requests never have one.
    open: Option<Box<Open>>,
    state: State,
    if_undone: Vec<Afterwards>,
    on_commit: Vec<Afterwards>,
}

type Afterwards = Box<dyn FnOnce() + Send>;

struct Open {
    connection: PooledDb,
    /// Where the database counts changes, and the transaction was begun for reading.
    changes_before: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Finished,
}

impl DbSession {
    pub(crate) fn new(database: Arc<Database>, intent: Intent) -> Self {
        DbSession { database, intent, open: None, state: State::Active, if_undone: Vec::new(), on_commit: Vec::new() }
    }

    /// A unit of work outside of requests, which will write. Whoever makes it [commits](Self::commit) it.
    pub fn for_writing(database: Database) -> Self {
        Self::new(Arc::new(database), Intent::Write)
    }

    /// The connection, inside the request's transaction, which this begins if it has not begun.
    ///
    /// # Errors
    /// 503 where no connection is to be had or the database is locked; 500 where the unit of work has ended.
    #[track_caller]
    pub fn connection(&mut self) -> Result<&mut Db> {
        if self.state == State::Finished {
            return Err(Error::internal(format!("the request's database work has ended already (asked for at {})", Location::caller())));
        }
        if self.open.is_none() {
            self.open = Some(Box::new(self.begin()?));
        }
        match &mut self.open {
            Some(open) => Ok(&mut open.connection),
            None => Err(Error::internal("the request has no connection")),
        }
    }

    fn begin(&self) -> Result<Open> {
        let mut lost = 0;
        loop {
            let mut connection = self.database.get()?;
            let begun = connection.begin(self.intent).and_then(|()| match self.intent {
                Intent::Read => connection.total_changes(),
                Intent::Write => Ok(None),
            });
            match begun {
                Ok(changes_before) => return Ok(Open { connection, changes_before }),
                // The server was restarted. Nothing has been done yet, so another connection does as well; the pool throws
                // this one away, and has no more than so many of them.
                Err(_) if connection.is_lost() && lost < self.database.pool_size() => lost += 1,
                Err(error) => return Err(Error::unavailable("no transaction can be begun").with_source(error)),
            }
        }
    }

    /// The database it works on.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Has the transaction begun?
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Is anything to be done at its end?
    pub(crate) fn has_work(&self) -> bool {
        self.is_open() || !self.on_commit.is_empty()
    }

    /// Can work that must be saved with the view's be done in this transaction?
    ///
    /// Not if it is not open, and not on SQLite if it has only read so far: there it could not be turned into one that
    /// writes. Then nothing needs to be saved together, and it is ended.
    ///
    /// # Errors
    /// Those of the database.
    pub fn joins_writes(&mut self) -> Result<bool> {
        let Some(open) = &mut self.open else { return Ok(false) };
        let wrote = open.changes_before.is_none() || open.connection.total_changes()? != open.changes_before;
        if !wrote {
            open.connection.commit()?;
            self.open = None;
        }
        Ok(wrote)
    }

    /// Must the commit wait for a disk or a network?
    pub(crate) fn commit_blocks(&mut self) -> bool {
        match &mut self.open {
            None => false,
            Some(open) => open.changes_before.is_none() || open.connection.total_changes().is_ok_and(|now| now != open.changes_before),
        }
    }

    /// Runs `work` if the transaction is rolled back after all, or cannot be committed: for what must happen either way,
    /// and was done in it. The connection has been given back by then.
    pub fn if_undone(&mut self, work: impl FnOnce() + Send + 'static) {
        self.if_undone.push(Box::new(work));
    }

    /// Runs `work` after the commit, and never if what was done is rolled back or cannot be committed. The connection has been
    /// given back by then. Without a transaction it runs when the unit of work ends well.
    ///
    /// It must not block. What goes wrong in it changes nothing any more; a panic is logged.
    pub fn on_commit(&mut self, work: impl FnOnce() + Send + 'static) {
        self.on_commit.push(Box::new(work));
    }

    /// Commits what was done, where it must wait for a disk or a network on a thread that may.
    pub(crate) async fn commit_off_thread(mut self) -> Result<()> {
        if !self.commit_blocks() {
            return self.commit();
        }
        off_thread(self.database.clone(), move || self.commit()).await?
    }

    /// Commits what was done.
    ///
    /// # Errors
    /// Those of the database; everything is rolled back then. Where the connection was lost meanwhile, nobody knows whether
    /// it is.
    pub fn commit(&mut self) -> Result<()> {
        self.state = State::Finished;
        let result = match self.open.take() {
            None => Ok(()),
            Some(mut open) => {
                let failed = |error| Error::internal("the changes to the database could not be saved").with_source(error);
                let result = self.database.check_file().and_then(|()| open.connection.commit().map_err(failed));
                match result {
                    Ok(()) => {
                        self.if_undone.clear();
                        if open.changes_before.is_none() {
                            self.database.committed(&mut open.connection, 1);
                        }
                    }
                    Err(_) => undo(*open, std::mem::take(&mut self.if_undone)),
                }
                result
            }
        };
        if result.is_ok() {
            std::mem::take(&mut self.on_commit).into_iter().for_each(run_guarded);
        }
        result
    }

    /// Undoes what was done and gives the connection back, where it must wait for a network on a thread that may. The unit
    /// of work is over then.
    pub async fn rollback(&mut self) {
        let Some((open, if_undone)) = self.end() else { return };
        if !open.connection.kind().is_server() {
            return undo(open, if_undone);
        }
        if let Err(error) = off_thread(self.database.clone(), move || undo(open, if_undone)).await {
            tracing::warn!(target: "lback::db", %error, "a transaction could not be rolled back");
        }
    }

    fn end(&mut self) -> Option<(Open, Vec<Afterwards>)> {
        self.state = State::Finished;
        Some((*self.open.take()?, std::mem::take(&mut self.if_undone)))
    }
}

/// Runs `work` on a thread where it may block, and waits for it; for a server that hangs not for ever.
async fn off_thread<T: Send + 'static>(database: Arc<Database>, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let work = tokio::task::spawn_blocking(work);
    let result = match database.statement_patience() {
        None => work.await,
        Some(patience) => match tokio::time::timeout(patience, work).await {
            Ok(result) => result,
            Err(_) => return Err(Error::unavailable(format!("the database did not answer the end of a transaction within {patience:?}"))),
        },
    };
    result.map_err(|error| Error::internal("the end of a transaction was not waited for").with_source(error))
}

/// Everything is saved by now, so the request must not fail any more.
fn run_guarded(work: Afterwards) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
        tracing::error!(target: "lback::db", "what was to run after a commit has panicked");
    }
}

/// A connection on which even this fails stays in its transaction; the pool throws it away.
fn undo(mut open: Open, if_undone: Vec<Afterwards>) {
    if let Err(error) = open.connection.rollback() {
        tracing::warn!(target: "lback::db", %error, "a transaction could not be rolled back");
    }
    drop(open);
    if_undone.into_iter().for_each(|work| work());
}

impl Drop for DbSession {
    fn drop(&mut self) {
        let Some((open, if_undone)) = self.end() else { return };
        match tokio::runtime::Handle::try_current() {
            // The thread may be one that serves connections, and must not wait for a server.
            Ok(runtime) if open.connection.kind().is_server() => drop(runtime.spawn_blocking(move || undo(open, if_undone))),
            _ => undo(open, if_undone),
        }
    }
}
