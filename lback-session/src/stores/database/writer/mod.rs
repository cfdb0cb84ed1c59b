//! The thread that writes sessions into SQLite.
//!
//! It takes everything that waits, does it in one transaction, and answers after the commit. While a commit is on its way
//! to the disk, the next requests gather; so the more there are, the more of them share one.
//!
//! With [`Durability::Normal`] a commit does not wait for the disk, but for one with a write that must last: the log is
//! written in order, so whatever was committed before it lasts as well.

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

/// Which writes outlast a power cut whatever the settings say: those that end a session, under this id at least. One that
/// has ended must not come back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    Always,
    AsSet,
}

/// Sends work to the thread. The thread ends when this is dropped.
pub(super) struct Writer(Sender<Box<dyn Job>>);

impl Writer {
    pub(super) fn start(database: Database, durability: Durability) -> Result<Self> {
        let (sender, jobs) = channel();
        let mut connection = Connection { database, durability, open: None };
        thread::Builder::new().name("lback-sessions".to_owned()).spawn(move || serve(&mut connection, jobs))?;
        Ok(Writer(sender))
    }

    /// Runs `work` in the next transaction; the answer comes when it is committed.
    ///
    /// # Errors
    /// 503 if the database is busy or cannot be reached, and 500 if it refused the transaction: then nothing of the whole batch was
    /// written.
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

/// One thing to do in a transaction.
trait Job: Send {
    fn lasting(&self) -> Lasting;
    /// Where the answer is waited for.
    fn runtime(&mut self) -> Option<Handle>;
    /// Does it, and keeps the result. Answers whether it succeeded.
    fn run(&mut self, db: &mut Db) -> bool;
    /// Hands the result over, now that it is durable.
    fn committed(&mut self);
    /// Says that nothing came of it.
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
            // Nobody may be waiting any more.
            let _ = answer.send(result);
        }
    }

    fn failed(&mut self, error: Error) {
        // What failed by itself knows better why.
        let own = self.result.take().and_then(Result::err);
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(Err(own.unwrap_or(error)));
        }
    }
}

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
            // Connections wait for the disk unless they are told otherwise.
            self.open = Some((self.database.connect()?, true));
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
        // A panic in one job must not end the thread that every session depends on.
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
        // What has gathered meanwhile would only wait as long again, and in vain.
        batch.extend(jobs.give_up());
        tracing::error!(target: "lback::session", "{} session writes failed: {error}", batch.len());
        for job in &mut batch {
            job.failed(unwritten(&error));
        }
    }
}

/// Does a batch in one transaction. A job that fails by itself does not hinder the others: its statements undo
/// themselves. Answers how long the commit took.
fn write(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> Result<Duration> {
    let database = connection.database.clone();
    let db = connection.begin(batch.iter().any(|job| job.lasting() == Lasting::Always))?;
    for job in batch.iter_mut() {
        // A full disk has SQLite undo the whole transaction, not only the statement. What came after would be written
        // outside of any, so that has to be found out: where another transaction can be begun, the first is gone.
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

/// On the thread's connection, which is one to SQLite.
fn execute<S>(db: &mut Db, statement: S) -> Result<()>
where
    S: QueryFragment<diesel::sqlite::Sqlite> + QueryId + RunQueryDsl<SqliteConnection>,
{
    match db {
        Db::Sqlite(db) => statement.execute(db)?,
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => return Err(Error::internal("this is no connection to SQLite")),
    };
    Ok(())
}

#[cfg(test)]
mod tests;
