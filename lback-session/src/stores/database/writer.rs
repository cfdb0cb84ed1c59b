//! The thread that writes sessions.
//!
//! It takes everything that waits, does it in one transaction, and answers after the commit. While a commit is on its way
//! to the disk, the next requests gather; so the more there are, the more of them share one.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use diesel::connection::SimpleConnection;
use lback_core::{Error, Result};
use lback_db::{Database, Db};
use tokio::sync::oneshot;

/// The most jobs in one transaction, so that the first of them does not wait for too many others.
const MAX_BATCH: usize = 256;

/// Sends work to the thread. The thread ends when this is dropped.
pub(super) struct Writer(Sender<Box<dyn Job>>);

impl Writer {
    pub(super) fn start(database: Database) -> Result<Self> {
        let (sender, jobs) = channel();
        thread::Builder::new().name("lback-sessions".to_owned()).spawn(move || serve(&database, &jobs))?;
        Ok(Writer(sender))
    }

    /// Runs `work` in the next transaction; the answer comes when it is committed.
    ///
    /// # Errors
    /// 503 where the transaction could not be committed: then nothing was written.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Db) -> Result<T> + Send + 'static) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Task { work: Some(work), result: None, answer: Some(answer) };
        let ended = || Error::unavailable("the thread that writes sessions has ended");
        self.0.send(Box::new(job)).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

/// One thing to do in a transaction.
trait Job: Send {
    /// Does it, and keeps the result.
    fn run(&mut self, db: &mut Db);
    /// Hands the result over, now that it is durable.
    fn committed(&mut self);
    /// Says that nothing came of it.
    fn failed(&mut self, error: Error);
}

struct Task<T, F> {
    work: Option<F>,
    result: Option<Result<T>>,
    answer: Option<oneshot::Sender<Result<T>>>,
}

impl<T: Send, F: FnOnce(&mut Db) -> Result<T> + Send> Job for Task<T, F> {
    fn run(&mut self, db: &mut Db) {
        self.result = self.work.take().map(|work| work(db));
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

fn serve(database: &Database, jobs: &Receiver<Box<dyn Job>>) {
    let mut connection = None;
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(MAX_BATCH - 1));
        match write(database, &mut connection, &mut batch) {
            Ok(()) => batch.iter_mut().for_each(|job| job.committed()),
            Err(error) => {
                tracing::error!(target: "lback::session", "{} session writes failed: {error}", batch.len());
                // A connection in an unknown state is not used again.
                connection = None;
                for job in &mut batch {
                    job.failed(Error::unavailable(format!("the session could not be written: {error}")));
                }
            }
        }
    }
}

/// Does a batch in one transaction. A job that fails by itself does not hinder the others: its statements undo
/// themselves.
fn write(database: &Database, connection: &mut Option<Db>, batch: &mut [Box<dyn Job>]) -> Result<()> {
    if connection.is_none() {
        *connection = Some(database.connect()?);
    }
    let Some(db) = connection else { return Ok(()) };
    match db {
        Db::Sqlite(sqlite) => {
            sqlite.batch_execute("BEGIN IMMEDIATE")?;
            for job in batch.iter_mut() {
                job.run(db);
            }
            let Db::Sqlite(sqlite) = db;
            if let Err(error) = sqlite.batch_execute("COMMIT") {
                let _ = sqlite.batch_execute("ROLLBACK");
                return Err(error.into());
            }
        }
    }
    Ok(())
}
