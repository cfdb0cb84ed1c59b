//! Jobs that are to be enqueued, with their options.

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::Job;

/// The maximum length of a key in bytes.
const MAX_KEY: usize = 200;

/// A job with its options. Every [`Job`] can be enqueued as it is, and [`JobOptions`] adds options to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[must_use = "a job does not run before it is enqueued"]
pub struct NewJob {
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) payload: String,
    pub(crate) priority: i16,
    pub(crate) due: Due,
    pub(crate) unique: Option<Unique>,
    pub(crate) lock_key: Option<String>,
    /// Why the job cannot be stored.
    pub(crate) problem: Option<String>,
}

/// The time before which a job does not run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Due {
    Now,
    After(TimeDelta),
    At(DateTime<Utc>),
}

/// For how long a job keeps others of its type with the same key from being enqueued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unique {
    pub(crate) key: String,
    pub(crate) until: UniqueUntil,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UniqueUntil {
    Started,
    Ended,
    After(TimeDelta),
}

impl<J: Job> From<J> for NewJob {
    fn from(job: J) -> Self {
        let (payload, problem) = match serde_json::to_string(&job) {
            Ok(payload) if payload.len() <= J::MAX_BYTES => (payload, None),
            Ok(payload) => {
                let size = payload.len() / 1024;
                let text =
                    format!("its data has {size} KiB, and may have {}. Store it in a table, and enqueue its id", J::MAX_BYTES / 1024);
                (String::new(), Some(text))
            }
            Err(error) => (String::new(), Some(format!("its data cannot be written as JSON: {error}"))),
        };
        NewJob {
            name: J::NAME.to_owned(),
            queue: J::QUEUE.to_owned(),
            payload,
            priority: 0,
            due: Due::Now,
            unique: None,
            lock_key: None,
            problem,
        }
    }
}

impl NewJob {
    fn key(&mut self, key: &str) -> String {
        // PostgreSQL stores no NUL.
        if key.is_empty() || key.len() > MAX_KEY || key.contains('\0') {
            self.problem.get_or_insert_with(|| format!("the key {key:.50?} should have 1 to {MAX_KEY} bytes, none of which is NUL"));
        }
        format!("{}:{key}", self.name)
    }

    fn unique_until(mut self, key: &str, until: UniqueUntil) -> Self {
        self.unique = Some(Unique { key: self.key(key), until });
        self
    }

    /// Returns an error if the job cannot be stored.
    #[track_caller]
    pub(crate) fn check(&self) -> Result<()> {
        match &self.problem {
            Some(problem) => Err(Error::internal(format!("the job {} cannot be enqueued: {problem}", self.name))),
            None => Ok(()),
        }
    }
}

/// The options of a job, which are methods of every [`Job`]:
///
/// ```no_run
/// use lback::chrono::TimeDelta;
/// use lback::prelude::*;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Remind {
///     user: i64,
/// }
/// # impl Job for Remind {
/// #     const NAME: &'static str = "remind";
/// #     fn run(self, _: &mut JobContext) -> Result<()> { Ok(()) }
/// # }
///
/// fn remind(req: &mut Request) -> Result<()> {
///     req.enqueue(Remind { user: 7 }.after(TimeDelta::days(3)).unique("7").priority(5).queue("mail"))?;
///     Ok(())
/// }
/// ```
pub trait JobOptions: Into<NewJob> {
    /// Runs the job after this time at the earliest.
    fn after(self, time: TimeDelta) -> NewJob {
        NewJob { due: Due::After(time), ..self.into() }
    }

    /// Runs the job at this time at the earliest.
    fn at(self, time: DateTime<Utc>) -> NewJob {
        NewJob { due: Due::At(time), ..self.into() }
    }

    /// Sets the priority. Of the jobs of a queue, those with the highest one run first; the default is 0.
    fn priority(self, priority: i16) -> NewJob {
        NewJob { priority, ..self.into() }
    }

    /// Puts the job into another queue than [`Job::QUEUE`], which must be that of another type of job, or be named in `JOBS_QUEUES`.
    fn queue(self, queue: &str) -> NewJob {
        NewJob { queue: queue.to_owned(), ..self.into() }
    }

    /// Does not enqueue the job if another one of its type with this key has not ended.
    fn unique(self, key: &str) -> NewJob {
        self.into().unique_until(key, UniqueUntil::Ended)
    }

    /// Does not enqueue the job if another one of its type with this key has not begun: for work that must be done once more if
    /// something has changed since it began.
    fn unique_while_waiting(self, key: &str) -> NewJob {
        self.into().unique_until(key, UniqueUntil::Started)
    }

    /// Does not enqueue the job if another one of its type with this key has not ended, or has been enqueued within this time.
    fn unique_for(self, key: &str, time: TimeDelta) -> NewJob {
        self.into().unique_until(key, UniqueUntil::After(time))
    }

    /// Does not run the job while another one of its type with this key runs, in any process: one import per customer, for example.
    fn one_at_a_time(self, key: &str) -> NewJob {
        let mut job = self.into();
        job.lock_key = Some(job.key(key));
        job
    }
}

impl<T: Into<NewJob>> JobOptions for T {}

/// Jobs that are enqueued together, and a job that runs when all of them have ended.
///
/// ```no_run
/// use lback::jobs::Batch;
/// use lback::prelude::*;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Import {
///     file: i64,
/// }
/// # impl Job for Import {
/// #     const NAME: &'static str = "import";
/// #     fn run(self, _: &mut JobContext) -> Result<()> { Ok(()) }
/// # }
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Imported;
///
/// impl Job for Imported {
///     const NAME: &'static str = "imported";
///
///     fn run(self, job: &mut JobContext) -> Result<()> {
///         if let Some(batch) = job.batch()? {
///             println!("{} files, {} failed", batch.total, batch.failed);
///         }
///         Ok(())
///     }
/// }
///
/// fn import(req: &mut Request) -> Result<()> {
///     let files = [1, 2, 3];
///     req.enqueue_batch(Batch::new().jobs(files.map(|file| Import { file })).then(Imported))?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a batch does not run before it is enqueued"]
pub struct Batch {
    pub(crate) jobs: Vec<NewJob>,
    pub(crate) next: Option<NewJob>,
}

impl Batch {
    /// Creates a batch without jobs.
    pub fn new() -> Self {
        Batch::default()
    }

    /// Adds a job.
    pub fn job(mut self, job: impl Into<NewJob>) -> Self {
        self.jobs.push(job.into());
        self
    }

    /// Adds jobs.
    pub fn jobs<J: Into<NewJob>>(mut self, jobs: impl IntoIterator<Item = J>) -> Self {
        self.jobs.extend(jobs.into_iter().map(Into::into));
        self
    }

    /// Sets the job that runs when all others have ended: succeeded, failed for the last time, or been cancelled.
    pub fn then(mut self, job: impl Into<NewJob>) -> Self {
        self.next = Some(job.into());
        self
    }
}
