//! The worker of a process: claims jobs, runs them, and records how they end.

mod attempt;
mod control;
mod heartbeat;
mod plan;
mod pump;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lback_core::{Application, ProgramError, ProgramResult, Result, blocking};
use lback_db::{Db, DbSession, Heard, Isolation, Listening};
use tokio::sync::watch;

use crate::registry::Queue;
use crate::store::End;
use crate::{Jobs, store};

pub(crate) use attempt::{Outcome, attempt};
pub(crate) use control::Control;

/// Runs jobs in this process.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) app: Arc<Application>,
    pub(crate) jobs: Jobs,
    /// Names the process in the database.
    pub(crate) id: Arc<str>,
    pub(crate) queues: Vec<Queue>,
    /// The number of jobs that run at the same time.
    pub(crate) threads: usize,
}

impl Worker {
    /// Returns a worker for all queues.
    pub(crate) fn new(app: &Arc<Application>, jobs: &Jobs, threads: usize) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string().into();
        Worker { app: app.clone(), jobs: jobs.clone(), id, queues: jobs.queues().to_vec(), threads }
    }

    /// Returns a worker for some queues only.
    ///
    /// # Errors
    /// Returns an error if one of them is unknown.
    pub(crate) fn only(mut self, queues: &[&str]) -> ProgramResult<Self> {
        for name in queues {
            self.jobs.registry().require_queue(name).map_err(|error| ProgramError::new(error.message().to_owned()))?;
        }
        self.queues.retain(|queue| queues.contains(&queue.name.as_str()));
        Ok(self)
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.jobs.settings().jobs_lease_seconds.into())
    }

    /// Runs jobs until `stopping` turns true, and then gives those back that do not end soon.
    pub(crate) async fn work(self, stopping: watch::Receiver<bool>) {
        let _listening = self.listen();
        pump::Pump::new(Arc::new(self)).run(stopping).await;
    }

    /// Listens to other processes. If that fails, the worker looks for jobs regularly.
    fn listen(&self) -> Option<Listening> {
        let jobs = self.jobs.clone();
        let heard = move |_: &mut Db, heard: Heard<'_>| {
            match heard {
                Heard::Notices(_) => jobs.wake(),
                Heard::Look => jobs.look(),
            }
            Ok(())
        };
        let listening = self.jobs.database().listen(store::TOPIC, heard);
        listening.inspect_err(|error| tracing::warn!(target: "lback::jobs", %error, "jobs of other processes begin late")).ok()
    }

    /// Runs `work` in a transaction that sees the commits of other processes, whatever `DATABASE_ISOLATION` says: they change the rows of
    /// jobs at any time.
    pub(crate) fn write<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        let database = self.jobs.database().clone();
        let write = move || {
            let mut unit = DbSession::for_writing(database);
            unit.set_isolation(Isolation::ReadCommitted)?;
            let value = work(unit.connection()?)?;
            unit.commit()?;
            Ok(value)
        };
        async move { blocking::on_thread(write).await? }
    }

    /// Records how attempts have ended that belong to workers which are considered dead, and hands back the jobs that this process has
    /// claimed without knowing it. `own` are those that it knows.
    pub(crate) fn end_lost(&self, db: &mut Db, own: &HashSet<i64>) -> Result<()> {
        let mut lost = store::lost(db, &self.id, own)?;
        // In the order of `store::end_all`.
        lost.sort_by_key(|(_, job)| job.batch_id);
        for (worker, job) in lost {
            if *worker == *self.id {
                store::end(db, &worker, &job, &End::HandedBack)?;
                continue;
            }
            let error = "its process has ended, or could not reach the database, while the job was running";
            tracing::warn!(target: "lback::jobs", id = job.id, name = job.name, attempt = job.attempts, "{error}");
            store::end(db, &worker, &job, &self.failed(&job, error.to_owned(), false))?;
        }
        Ok(())
    }
}
