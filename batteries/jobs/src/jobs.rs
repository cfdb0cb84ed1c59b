//! [`Jobs`], the jobs of an application outside of requests.

use std::fmt;
use std::sync::Arc;

use lback_core::Result;
use lback_db::{Database, Db};
use tokio::sync::Notify;

use crate::registry::{Queue, Registry};
use crate::schedule::Schedule;
use crate::store;
use crate::{Batch, BatchInfo, JobInfo, JobState, JobsSettings, NewJob};

/// The jobs of an application. Cheap to clone.
///
/// Views use [`req.enqueue()`](crate::RequestJobs::enqueue). This is for commands and background work, which find it by its type:
///
/// ```no_run
/// use lback::jobs::Jobs;
/// use lback::prelude::*;
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct SendInvoice { order_id: i64 }
/// # impl Job for SendInvoice {
/// #     const NAME: &'static str = "send_invoice";
/// #     fn run(self, _: &mut JobContext) -> Result<()> { Ok(()) }
/// # }
///
/// fn invoice(command: &mut Command) -> ProgramResult {
///     let jobs: Jobs = command.state::<Jobs>()?.clone();
///     jobs.enqueue(command.db()?, SendInvoice { order_id: 7 })?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    registry: Registry,
    schedules: Vec<Schedule>,
    database: Database,
    settings: JobsSettings,
    woken: Notify,
    /// Tells the worker that other processes may have enqueued jobs.
    changed: Notify,
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("registry", &self.0.registry).finish_non_exhaustive()
    }
}

/// A job that has been enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The id of the job.
    pub id: i64,
    /// False if the job is unique and another one is there already, whose id this is.
    pub is_new: bool,
}

impl Jobs {
    pub(crate) fn new(registry: Registry, schedules: Vec<Schedule>, database: Database, settings: JobsSettings) -> Self {
        Jobs(Arc::new(Inner { registry, schedules, database, settings, woken: Notify::new(), changed: Notify::new() }))
    }

    /// Enqueues a job in the transaction of `db`. It runs after the commit.
    ///
    /// In a background task, call [`wake`](Self::wake) after the commit; otherwise the job begins some milliseconds later.
    ///
    /// # Errors
    /// Returns 500 if the application has no such jobs or no such queue, or the data of the job is too large; those of the database.
    #[track_caller]
    pub fn enqueue(&self, db: &mut Db, job: impl Into<NewJob>) -> Result<Enqueued> {
        let job = self.checked(job.into())?;
        let now = db.now();
        let (id, is_new) = store::push_one(db, &job, store::OfBatch::default(), now)?;
        Ok(Enqueued { id, is_new })
    }

    /// Enqueues several jobs in the transaction of `db`, with few statements, and returns their ids.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    #[track_caller]
    pub fn enqueue_all<J: Into<NewJob>>(&self, db: &mut Db, jobs: impl IntoIterator<Item = J>) -> Result<Vec<i64>> {
        let jobs = jobs.into_iter().map(|job| self.checked(job.into())).collect::<Result<Vec<_>>>()?;
        let now = db.now();
        let stored = store::push(db, &jobs, store::OfBatch::default(), now)?;
        Ok(stored.into_iter().map(|(id, _)| id).collect())
    }

    /// Enqueues a [`Batch`] in the transaction of `db`, and returns its id.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    #[track_caller]
    pub fn enqueue_batch(&self, db: &mut Db, mut batch: Batch) -> Result<i64> {
        batch.jobs = batch.jobs.into_iter().map(|job| self.checked(job)).collect::<Result<_>>()?;
        batch.next = batch.next.map(|job| self.checked(job)).transpose()?;
        let now = db.now();
        store::push_batch(db, &batch, now)
    }

    #[track_caller]
    fn checked(&self, job: NewJob) -> Result<NewJob> {
        job.check()?;
        self.0.registry.require(&job.name)?;
        self.0.registry.require_queue(&job.queue)?;
        Ok(job)
    }

    /// Finds a job by its id. A job that has succeeded is deleted, unless [`Job::KEEP`](crate::Job::KEEP) says otherwise.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn find(&self, db: &mut Db, id: i64) -> Result<Option<JobInfo>> {
        store::find(db, id)
    }

    /// Finds a batch by its id. It is deleted when the job after it has succeeded, or after `JOBS_KEEP_FAILED_DAYS`.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn find_batch(&self, db: &mut Db, id: i64) -> Result<Option<BatchInfo>> {
        store::find_batch(db, id)
    }

    /// Returns up to `limit` jobs in this state, or in any, oldest first.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn list(&self, db: &mut Db, state: Option<JobState>, limit: u32) -> Result<Vec<JobInfo>> {
        store::list(db, state, limit.into())
    }

    /// Returns up to `limit` jobs of a queue. Failed ones come first.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn list_queue(&self, db: &mut Db, queue: &str, limit: u32) -> Result<Vec<JobInfo>> {
        store::list_queue(db, queue, limit.into())
    }

    /// Cancels a job. One that waits is deleted; a running one ends when it calls [`JobContext::check`](crate::JobContext::check).
    /// Returns false if there is no such job, or it has ended.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn cancel(&self, db: &mut Db, id: i64) -> Result<bool> {
        let now = db.now();
        store::cancel(db, id, now)
    }

    /// Deletes a job that is not running. Returns false if there is none.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn delete(&self, db: &mut Db, id: i64) -> Result<bool> {
        let now = db.now();
        store::delete(db, id, now)
    }

    /// Runs a failed job, or one that waits, as soon as possible, with all its attempts. Returns false if there is no such job.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn retry(&self, db: &mut Db, id: i64) -> Result<bool> {
        let now = db.now();
        store::retry(db, id, now)
    }

    /// Retries all failed jobs, and returns their number.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn retry_failed(&self, db: &mut Db) -> Result<usize> {
        let now = db.now();
        store::retry_failed(db, now)
    }

    /// Makes the worker of this process look for jobs now.
    pub fn wake(&self) {
        self.0.woken.notify_one();
    }

    /// Makes the worker of this process look for jobs, without writing.
    pub(crate) fn look(&self) {
        self.0.changed.notify_one();
    }

    /// Waits until another process may have enqueued jobs.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Waits until there may be jobs.
    pub(crate) async fn woken(&self) {
        self.0.woken.notified().await;
    }

    /// Returns the database in which the jobs are stored.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(crate) fn schedules(&self) -> &[Schedule] {
        &self.0.schedules
    }

    pub(crate) fn settings(&self) -> &JobsSettings {
        &self.0.settings
    }

    pub(crate) fn queues(&self) -> &[Queue] {
        self.0.registry.queues()
    }
}
