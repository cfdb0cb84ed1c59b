//! Enqueues jobs from a request.

use lback_core::{Error, Request, Result};
use lback_db::{Db, DbSession};

use crate::sealed::Sealed;
use crate::{Batch, Enqueued, Jobs, NewJob};

/// Adds jobs to [`Request`].
pub trait RequestJobs: Sealed {
    /// Enqueues a job in the transaction of the request: it runs after the commit, and never if the request is rolled back.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct SendInvoice { order_id: i64 }
    /// # impl Job for SendInvoice {
    /// #     const NAME: &'static str = "send_invoice";
    /// #     fn run(self, _: &mut JobContext) -> Result<()> { Ok(()) }
    /// # }
    ///
    /// fn order(req: &mut Request) -> Result<Response> {
    ///     req.enqueue(SendInvoice { order_id: 7 })?;
    ///     Ok(Response::redirect("/orders/7"))
    /// }
    /// ```
    ///
    /// It can be called in async views as well.
    ///
    /// # Errors
    /// Returns 500 if the application has no such jobs or no such queue, or the data of the job is too large; 503 if the database cannot
    /// be written.
    fn enqueue(&mut self, job: impl Into<NewJob>) -> Result<Enqueued>;

    /// Enqueues several jobs with few statements, and returns their ids.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    fn enqueue_all<J: Into<NewJob>>(&mut self, jobs: impl IntoIterator<Item = J>) -> Result<Vec<i64>>;

    /// Enqueues a [`Batch`], and returns its id.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    fn enqueue_batch(&mut self, batch: Batch) -> Result<i64>;

    /// Returns the jobs of the application, to find, cancel and retry them: `req.jobs()?.find(req.db()?, id)?`.
    ///
    /// # Errors
    /// Returns 500 if the application has no jobs.
    fn jobs(&self) -> Result<Jobs>;
}

impl RequestJobs for Request {
    #[track_caller]
    fn enqueue(&mut self, job: impl Into<NewJob>) -> Result<Enqueued> {
        let jobs = self.jobs()?;
        let job = job.into();
        crate::panel::record(&job);
        within(self, &jobs, |db| jobs.enqueue(db, job))
    }

    #[track_caller]
    fn enqueue_all<J: Into<NewJob>>(&mut self, new: impl IntoIterator<Item = J>) -> Result<Vec<i64>> {
        let jobs = self.jobs()?;
        let new: Vec<NewJob> = new.into_iter().map(Into::into).collect();
        new.iter().for_each(crate::panel::record);
        within(self, &jobs, |db| jobs.enqueue_all(db, new))
    }

    #[track_caller]
    fn enqueue_batch(&mut self, batch: Batch) -> Result<i64> {
        let jobs = self.jobs()?;
        batch.jobs.iter().for_each(crate::panel::record);
        within(self, &jobs, |db| jobs.enqueue_batch(db, batch))
    }

    #[track_caller]
    fn jobs(&self) -> Result<Jobs> {
        let missing = || Error::internal("this application has no jobs. Write App::new(urls).jobs(jobs![…])");
        self.app().state::<Jobs>().cloned().ok_or_else(missing)
    }
}

/// Runs `work` in the transaction of the request, or in one of its own if the view has committed by itself.
#[track_caller]
fn within<T>(req: &mut Request, jobs: &Jobs, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
    let woken = jobs.clone();
    match req.extensions_mut().get_mut::<DbSession>() {
        Some(unit) => {
            unit.require_writing()?;
            let value = unit.run(work)?;
            unit.on_commit(move || woken.wake());
            Ok(value)
        }
        None => {
            let value = jobs.database().write(work)?;
            woken.wake();
            Ok(value)
        }
    }
}
