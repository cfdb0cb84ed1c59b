//! [`JobContext`], the context of a running job.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Application, Error, Result};
use lback_db::{Database, Db, DbSession, Isolation};
use tokio::runtime::{Builder, Handle};

use crate::store::{self, Claimed, End};
use crate::worker::Control;
use crate::{BatchInfo, Enqueued, JobProgress, Jobs, NewJob};

/// The context of a running job: its database, its application and its attempt.
pub struct JobContext {
    app: Arc<Application>,
    jobs: Jobs,
    job: Claimed,
    worker: Arc<str>,
    control: Arc<Control>,
    unit: Option<DbSession>,
    has_given_up: bool,
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext").field("id", &self.job.id).field("name", &self.job.name).finish_non_exhaustive()
    }
}

impl JobContext {
    pub(crate) fn new(app: Arc<Application>, jobs: Jobs, job: Claimed, worker: Arc<str>, control: Arc<Control>) -> Self {
        JobContext { app, jobs, job, worker, control, unit: None, has_given_up: false }
    }

    /// Returns the database, in a transaction that begins with the first call. It is committed when the job returns `Ok`, together with
    /// the mark that the job is done, and rolled back otherwise.
    ///
    /// On SQLite, nothing else can write from the first call until the job ends. A job that takes long should prepare its data first,
    /// with [`read_db`](Self::read_db).
    ///
    /// On PostgreSQL, its isolation is `READ COMMITTED`, whatever `DATABASE_ISOLATION` says, because the row of the job is changed by
    /// others while it runs. For a stricter one, use [`database`](Self::database).
    ///
    /// # Errors
    /// Returns an error if there is no connection, or the time limit of the job is over.
    #[track_caller]
    pub fn db(&mut self) -> Result<&mut Db> {
        self.control.check_time()?;
        let database = self.jobs.database();
        let unit = self.unit.get_or_insert_with(|| DbSession::for_writing(database.clone()));
        if !unit.is_open() {
            unit.set_isolation(Isolation::ReadCommitted)?;
        }
        unit.connection()
    }

    /// Runs `work`, which only reads: in the transaction of the job if that has begun, and otherwise on a connection that is given back
    /// at once.
    ///
    /// # Errors
    /// Returns an error if there is no connection; those of `work`.
    #[track_caller]
    pub fn read_db<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        match &mut self.unit {
            Some(unit) => unit.run(work),
            None => self.jobs.database().read(work),
        }
    }

    /// Returns the database without the job's transaction, for work that is committed in steps: what it has committed stays, and is done
    /// again if the job is retried.
    pub fn database(&self) -> &Database {
        self.jobs.database()
    }

    /// Enqueues another job in the transaction of this one.
    ///
    /// # Errors
    /// As [`RequestJobs::enqueue`](crate::RequestJobs::enqueue).
    #[track_caller]
    pub fn enqueue(&mut self, job: impl Into<NewJob>) -> Result<Enqueued> {
        let jobs = self.jobs.clone();
        let enqueued = jobs.enqueue(self.db()?, job)?;
        self.wake_after_commit();
        Ok(enqueued)
    }

    /// Enqueues several jobs in the transaction of this one, and returns their ids.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    #[track_caller]
    pub fn enqueue_all<J: Into<NewJob>>(&mut self, new: impl IntoIterator<Item = J>) -> Result<Vec<i64>> {
        let jobs = self.jobs.clone();
        let ids = jobs.enqueue_all(self.db()?, new)?;
        self.wake_after_commit();
        Ok(ids)
    }

    fn wake_after_commit(&mut self) {
        let jobs = self.jobs.clone();
        if let Some(unit) = &mut self.unit {
            unit.on_commit(move || jobs.wake());
        }
    }

    /// Waits for async work, such as a call of another server, until the time limit of the job.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # async fn call_server() -> Result<u16> { Ok(200) }
    /// fn run(job: &mut JobContext) -> Result<()> {
    ///     let answer = job.block_on(call_server())??;
    ///     println!("{answer}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns an error when the time limit is over.
    pub fn block_on<F: Future>(&self, work: F) -> Result<F::Output> {
        let limited = async {
            // The timer needs the runtime.
            tokio::time::timeout(self.control.time_left(), work).await.map_err(|_| Error::unavailable("the time limit of the job is over"))
        };
        match Handle::try_current() {
            Ok(runtime) => runtime.block_on(limited),
            Err(_) => Builder::new_current_thread().enable_all().build().map_err(Error::from)?.block_on(limited),
        }
    }

    /// Returns the application: its settings, templates and state.
    pub fn app(&self) -> &Arc<Application> {
        &self.app
    }

    /// Returns the time of the application's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock().now()
    }

    /// Returns the id of the job.
    pub fn id(&self) -> i64 {
        self.job.id
    }

    /// Returns the number of this attempt, beginning with 1.
    pub fn attempt(&self) -> u32 {
        u32::try_from(self.job.attempts).unwrap_or(1)
    }

    /// Returns a text that is the same for all attempts of this job and different for all other jobs: an idempotency key for calls of
    /// other servers.
    pub fn key(&self) -> String {
        format!("{}-{}-{}", self.job.name, self.job.id, self.job.created_at.timestamp_micros())
    }

    /// Returns the batch after which this job runs, or `None` if there is none. See [`Batch::then`](crate::Batch::then).
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    pub fn batch(&mut self) -> Result<Option<BatchInfo>> {
        let Some(id) = self.job.after_batch else { return Ok(None) };
        self.read_db(|db| store::find_batch(db, id))
    }

    /// Reports the progress of the job. It is stored within about a second, outside of the job's transaction, so that pages can show it:
    /// see [`Jobs::find`]. On SQLite, it cannot be stored while the job's own transaction is open.
    pub fn progress(&self, done: u64, total: u64, text: &str) {
        let text = text.chars().take(200).collect();
        self.control.set_progress(JobProgress { done, total, text });
    }

    /// Returns an error if the job should end: it has been cancelled, its time limit is over, or the program is stopping. Jobs that take
    /// long should call it now and then. An attempt that ends with it because the program is stopping does not count.
    ///
    /// # Errors
    /// See above.
    pub fn check(&self) -> Result<()> {
        self.control.check()
    }

    /// Returns an error after which the job is not retried.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # fn is_valid() -> bool { true }
    /// fn run(job: &mut JobContext) -> Result<()> {
    ///     if !is_valid() {
    ///         return Err(job.give_up("the order has no address"));
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    #[must_use = "the job ends when it returns this error"]
    pub fn give_up(&mut self, reason: &str) -> Error {
        self.has_given_up = true;
        Error::internal(reason)
    }

    pub(crate) fn has_given_up(&self) -> bool {
        self.has_given_up
    }

    /// Commits the work of the job, together with its end, unless its time is over. Returns false if there is no transaction.
    pub(crate) fn commit(&mut self, end: &End) -> Result<bool> {
        self.control.check_time()?;
        let Some(unit) = &mut self.unit else { return Ok(false) };
        let (job, worker) = (&self.job, &self.worker);
        if !store::end(unit.connection()?, worker, job, end)? {
            return Err(Error::internal("another process has taken the job over, as this one did not renew its lease in time"));
        }
        unit.commit()?;
        Ok(true)
    }
}
