//! Jobs in tests.

use std::collections::HashSet;
use std::sync::Arc;

use lback_app::testing::{Client, block_on};
use lback_core::{Error, Result};

use crate::sealed::Sealed;
use crate::store::{self, End};
use crate::worker::{Control, Outcome, Worker, attempt};
use crate::{JobInfo, Jobs};

/// The maximum number of jobs that one call runs: jobs may enqueue others indefinitely.
const MOST: usize = 10_000;

/// Adds jobs to the test [`Client`].
pub trait ClientJobs: Sealed {
    /// Runs all jobs that are due by the test's clock, those that they enqueue, and those of schedules, and returns their number.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lback::chrono::TimeDelta;
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Remind;
    ///
    /// impl Job for Remind {
    ///     const NAME: &'static str = "remind";
    ///
    ///     fn run(self, job: &mut JobContext) -> Result<()> {
    ///         println!("attempt {}", job.attempt());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// fn remind(req: &mut Request) -> Result<()> {
    ///     req.enqueue(Remind.after(TimeDelta::days(3)))?;
    ///     Ok(())
    /// }
    ///
    /// let app = App::new(Router::new().post("/remind", remind)).jobs(jobs![Remind]);
    /// let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// client.post("/remind").send().assert_status(204);
    /// assert_eq!(client.jobs()[0].name, "remind");
    /// assert_eq!(client.run_jobs(), 0);
    /// client.clock().advance(Duration::from_secs(3 * 24 * 3600));
    /// assert_eq!(client.run_jobs(), 1);
    /// ```
    ///
    /// # Panics
    /// Panics if a job fails; [`try_run_jobs`](Self::try_run_jobs) returns the errors instead.
    fn run_jobs(&self) -> usize;

    /// Runs jobs, like [`run_jobs`](Self::run_jobs), and returns the result of each attempt. A job that fails is retried when it is due
    /// again.
    ///
    /// # Panics
    /// Panics if the database fails, or the application has no jobs.
    fn try_run_jobs(&self) -> Vec<JobRun>;

    /// Returns all stored jobs, oldest first.
    ///
    /// # Panics
    /// Panics if the database fails, or the application has no jobs.
    fn jobs(&self) -> Vec<JobInfo>;
}

/// The result of an attempt of a job in a test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobRun {
    /// The id of the job.
    pub id: i64,
    /// The name of its type.
    pub name: String,
    /// The error, if the attempt has failed.
    pub error: Option<String>,
}

impl ClientJobs for Client {
    #[track_caller]
    fn run_jobs(&self) -> usize {
        let runs = self.try_run_jobs();
        if let Some(JobRun { id, name, error: Some(error) }) = runs.iter().find(|run| run.error.is_some()) {
            panic!("the job {name} ({id}) has failed: {error}");
        }
        runs.len()
    }

    #[track_caller]
    fn try_run_jobs(&self) -> Vec<JobRun> {
        match block_on(run_all(&Arc::new(worker(self)))) {
            Ok(runs) => runs,
            Err(error) => panic!("the jobs cannot be run: {error}"),
        }
    }

    #[track_caller]
    fn jobs(&self) -> Vec<JobInfo> {
        let jobs = worker(self).jobs;
        self.db(|db| jobs.list(db, None, u32::MAX))
    }
}

#[track_caller]
fn worker(client: &Client) -> Worker {
    match client.app().state::<Jobs>() {
        Some(jobs) => Worker::new(client.app(), jobs, 1),
        None => panic!("this application has no jobs"),
    }
}

async fn run_all(worker: &Arc<Worker>) -> Result<Vec<JobRun>> {
    let mut runs = Vec::new();
    while runs.len() < MOST {
        let (claims, turn) = (worker.clone(), runs.len());
        let claim = move |db: &mut lback_db::Db| {
            claims.end_lost(db, &HashSet::new())?;
            store::make_due_ready(db)?;
            for schedule in claims.jobs.schedules() {
                schedule.run(db)?;
            }
            store::claim(db, &claims.id, &claims.queues, turn, 1, claims.lease())
        };
        let mut claims = worker.write(claim).await?;
        let Some(job) = claims.jobs.pop() else {
            if claims.has_more {
                continue;
            }
            return Ok(runs);
        };
        let limit = worker.jobs.registry().find(&job.name).map(|of_type| of_type.timeout).unwrap_or_default();
        let control = Arc::new(Control::new(limit.max(std::time::Duration::from_secs(1))));
        let outcome = attempt(worker.clone(), job.clone(), control, Arc::default()).await;
        let error = match &outcome {
            Outcome::Ended(End::Retry { error, .. } | End::Failed { error, .. }) => Some(error.clone()),
            _ => None,
        };
        runs.push(JobRun { id: job.id, name: job.name.clone(), error });
        if let Outcome::Ended(end) = outcome {
            let id = worker.id.clone();
            worker.write(move |db| store::end_all(db, &id, &[(job, end)])).await?;
        }
    }
    Err(Error::internal(format!("after {MOST} jobs, there are still more; does a job enqueue itself?")))
}
