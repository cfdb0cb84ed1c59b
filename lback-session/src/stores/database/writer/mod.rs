//! The thread that writes sessions into SQLite.
//!
//! It takes all waiting writes, runs them in one transaction, and answers after the commit. While a commit is on its way to the disk,
//! the next writes are collected, so that under load many requests share a commit.
//!
//! With [`Durability::Normal`], a commit waits for the disk only if one of its writes must be durable. The log is written in order, so
//! earlier commits are durable then, too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::{QueryFragment, QueryId};
use lback_core::{Error, Result, blocking};
use lback_db::{Database, Db};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::batching::{Gather, MAX_BATCH};
use super::prepared::{Begin, Commit};
use super::unwritten;
use crate::Durability;
use crate::stores::wake;

/// Whether a write must survive a power cut whatever the settings say. This holds for writes that end a session, at least under this
/// id: a session that has ended must not come back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    Always,
    AsSet,
}

/// Sends work to the thread, which ends when this is dropped.
pub(super) struct Writer(Sender<Box<dyn Job>>);

impl Writer {
    pub(super) fn start(database: Database, durability: Durability) -> Result<Self> {
        let (sender, jobs) = channel();
        let mut connection = Connection { database, durability, open: None };
        thread::Builder::new().name("lback-sessions".to_owned()).spawn(move || serve(&mut connection, jobs))?;
        Ok(Writer(sender))
    }

    /// Runs `work` in the next transaction, and returns after its commit.
    ///
    /// # Errors
    /// Returns 503 if the database is unavailable, and 500 if it refused the transaction. Nothing of the whole batch is written then.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lasting: Lasting,
        work: impl FnOnce(&mut Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Task { lasting, runtime: blocking::runtime(), work: Some(work), result: None, answer: Some(answer) };
        let ended = || Error::unavailable("the thread that writes sessions has ended");
        self.0.send(Box::new(job)).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

/// A write of a batch.
trait Job: Send {
    fn lasting(&self) -> Lasting;
    /// Returns the runtime of the waiting request.
    fn runtime(&mut self) -> Option<Handle>;
    /// Runs it, and keeps the result. Returns whether it succeeded.
    fn run(&mut self, db: &mut Db) -> bool;
    /// Sends the result, after the commit.
    fn committed(&mut self);
    /// Sends an error, as nothing was written.
    fn failed(&mut self, error: Error);
}

struct Task<T, F> {
    lasting: Lasting,
    runtime: Option<Handle>,
    work: Option<F>,
    result: Option<Result<T>>,
    answer: Option<oneshot::Sender<Result<T>>>,
}

impl<T: Send, F: FnOnce(&mut Db) -> Result<T> + Send> Job for Task<T, F> {
    fn lasting(&self) -> Lasting {
        self.lasting
    }

    fn runtime(&mut self) -> Option<Handle> {
        self.runtime.take()
    }

    fn run(&mut self, db: &mut Db) -> bool {
        self.result = self.work.take().map(|work| work(db));
        self.result.as_ref().is_some_and(Result::is_ok)
    }

    fn committed(&mut self) {
        if let (Some(answer), Some(result)) = (self.answer.take(), self.result.take()) {
            // The request may have been given up.
            let _ = answer.send(result);
        }
    }

    fn failed(&mut self, error: Error) {
        // Its own error is more precise.
        let own = self.result.take().and_then(Result::err);
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(Err(own.unwrap_or(error)));
        }
    }
}

/// The size of the thread's page cache, in which all pages that visitors use should stay: a table of a million sessions is five pages
/// deep, and each session in use is on a page of its own. A larger cache of the connections that read would be of no use, since each
/// commit of the thread empties theirs.
const CACHE: &str = "PRAGMA cache_size = -16384";

/// The thread's own connection.
struct Connection {
    database: Database,
    durability: Durability,
    /// The connection, and whether its commits wait for the disk.
    open: Option<(Db, bool)>,
}

impl Connection {
    /// Begins a transaction.
    fn begin(&mut self, lasting: bool) -> Result<&mut Db> {
        if self.open.is_none() {
            // Commits wait for the disk by default.
            let mut db = self.database.connect()?;
            db.batch_execute(CACHE)?;
            self.open = Some((db, true));
        }
        let Some((db, waits)) = &mut self.open else { return Err(Error::unavailable("there is no connection to the database")) };
        let wait = lasting || self.durability == Durability::Full;
        if *waits != wait {
            db.batch_execute(if wait { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })?;
            *waits = wait;
        }
        begin(db)?;
        Ok(db)
    }
}

fn serve(connection: &mut Connection, jobs: Receiver<Box<dyn Job>>) {
    let mut jobs = Gather::new(jobs, MAX_BATCH);
    while let Some(mut batch) = jobs.next() {
        // A panic in one job must not end the thread that all sessions depend on.
        let written = catch_unwind(AssertUnwindSafe(|| write(connection, &mut batch)));
        let error = match written.unwrap_or_else(|_| Err(Error::internal("a panic while sessions were written"))) {
            Ok(commit) => {
                jobs.written(batch.len(), commit);
                let runtime = batch.iter_mut().find_map(|job| job.runtime());
                let writes = batch.len();
                wake::all(writes, runtime, move || batch.iter_mut().for_each(|job| job.committed()));
                if let Some((db, _)) = &mut connection.open {
                    connection.database.committed(db, writes);
                }
                continue;
            }
            Err(error) => error,
        };
        // A connection in an unknown state is not used again.
        connection.open = None;
        // The writes that have come meanwhile would only wait as long again, and fail.
        batch.extend(jobs.give_up());
        tracing::error!(target: "lback::session", "{} session writes failed: {error}", batch.len());
        for job in &mut batch {
            job.failed(unwritten(&error));
        }
    }
}

/// Runs a batch in one transaction. A job that fails by itself does not affect the others, as its statements undo themselves. Returns
/// the duration of the commit.
fn write(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> Result<Duration> {
    let database = connection.database.clone();
    let db = connection.begin(batch.iter().any(|job| job.lasting() == Lasting::Always))?;
    for job in batch.iter_mut() {
        // On a full disk, SQLite rolls back the whole transaction, not only the statement, and later writes would run without one. If
        // another transaction can be begun, the first one is gone.
        if !job.run(db) && begin(db).is_ok() {
            db.batch_execute("ROLLBACK")?;
            return Err(Error::unavailable("the database undid the transaction"));
        }
    }
    let started = Instant::now();
    let committed = database.check_file().and_then(|()| execute(db, Commit));
    if committed.is_err() {
        let _ = db.batch_execute("ROLLBACK");
    }
    committed.map(|()| started.elapsed())
}

fn begin(db: &mut Db) -> Result<()> {
    execute(db, Begin)
}

/// Runs a statement on the thread's connection, which is one to SQLite.
fn execute<S>(db: &mut Db, statement: S) -> Result<()>
where
    S: QueryFragment<diesel::sqlite::Sqlite> + QueryId + RunQueryDsl<lback_db::Sqlite>,
{
    match db {
        Db::Sqlite(db) => statement.execute(db)?,
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => return Err(Error::internal("this is not a connection to SQLite")),
    };
    Ok(())
}

#[cfg(test)]
mod tests;
