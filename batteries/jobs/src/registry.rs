//! The types of jobs of an application.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lback_core::{Error, ProgramError, ProgramResult, Result};

use crate::{Job, JobContext};

/// The types of jobs of an application, as returned by [`jobs!`](crate::jobs!).
#[derive(Debug, Default)]
#[must_use]
pub struct JobSet(Vec<JobType>);

/// Lists types of jobs, for [`App::jobs`](crate::AppJobs::jobs): `jobs![SendInvoice, Remind]`.
#[macro_export]
macro_rules! jobs {
    ($($job:ty),* $(,)?) => {
        $crate::JobSet::new()$(.with::<$job>())*
    };
}

impl JobSet {
    /// Creates a set without types.
    pub fn new() -> Self {
        JobSet::default()
    }

    /// Adds a type.
    pub fn with<J: Job>(mut self) -> Self {
        self.0.push(JobType {
            name: J::NAME,
            queue: J::QUEUE,
            queue_limit: J::QUEUE_LIMIT,
            max_attempts: J::MAX_ATTEMPTS.max(1),
            timeout: J::TIMEOUT,
            keep: J::KEEP,
            pause: J::pause,
            run: |payload, job| {
                let unreadable = |error| {
                    let message = format!("the data of the job cannot be read as {}", std::any::type_name::<J>());
                    Error::internal(message).with_source(error)
                };
                serde_json::from_str::<J>(payload).map_err(unreadable)?.run(job)
            },
        });
        self
    }

    /// Adds the types of `other` whose names are new.
    pub(crate) fn or(mut self, other: JobSet) -> Self {
        let is_new = |of_type: &JobType| self.0.iter().all(|own| own.name != of_type.name);
        let new: Vec<JobType> = other.0.into_iter().filter(is_new).collect();
        self.0.extend(new);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn append(&mut self, other: JobSet) {
        self.0.extend(other.0);
    }
}

/// A type of jobs.
pub(crate) struct JobType {
    pub(crate) name: &'static str,
    pub(crate) queue: &'static str,
    queue_limit: Option<u32>,
    pub(crate) max_attempts: u32,
    pub(crate) timeout: Duration,
    pub(crate) keep: Duration,
    pub(crate) pause: fn(u32) -> Duration,
    pub(crate) run: fn(&str, &mut JobContext) -> Result<()>,
}

impl fmt::Debug for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JobType").field(&self.name).finish()
    }
}

/// A queue, and the number of its jobs that may run at the same time in all processes, if that is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) limit: Option<u32>,
}

/// All types and queues of an application.
#[derive(Debug)]
pub(crate) struct Registry {
    types: BTreeMap<&'static str, JobType>,
    queues: Vec<Queue>,
}

const NAMES: &str = "use 1 to 60 lower-case letters, digits, hyphens and underscores";

impl Registry {
    pub(crate) fn new(types: JobSet, limits: &BTreeMap<String, u32>) -> ProgramResult<Self> {
        let mut by_name = BTreeMap::new();
        let mut queues = BTreeMap::from([("default".to_owned(), None)]);
        for of_type in types.0 {
            for (what, name) in [("job", of_type.name), ("queue", of_type.queue)] {
                if !is_name(name) {
                    return Err(ProgramError::new(format!("the name of the {what} \"{name}\" is invalid: {NAMES}")));
                }
            }
            let limit: &mut Option<u32> = queues.entry(of_type.queue.to_owned()).or_default();
            *limit = limit.iter().copied().chain(of_type.queue_limit).min();
            if let Some(other) = by_name.insert(of_type.name, of_type) {
                return Err(ProgramError::new(format!("two types of jobs are named \"{}\"; rename one of them", other.name)));
            }
        }
        queues.extend(limits.iter().map(|(name, limit)| (name.clone(), Some(*limit))));
        let queues = queues.into_iter().map(|(name, limit)| Queue { name, limit }).collect();
        Ok(Registry { types: by_name, queues })
    }

    pub(crate) fn find(&self, name: &str) -> Option<&JobType> {
        self.types.get(name)
    }

    /// Returns an error unless the application has a type with this name.
    #[track_caller]
    pub(crate) fn require(&self, name: &str) -> Result<()> {
        match self.find(name) {
            Some(_) => Ok(()),
            None => Err(Error::internal(format!("the application has no jobs named {name}. Name their type in App::jobs(jobs![…])"))),
        }
    }

    #[track_caller]
    pub(crate) fn require_queue(&self, name: &str) -> Result<()> {
        if self.queues.iter().any(|queue| queue.name == name) {
            return Ok(());
        }
        let known: Vec<_> = self.queues.iter().map(|queue| queue.name.as_str()).collect();
        Err(Error::internal(format!(
            "there is no queue \"{name}\", only {}. Name it in settings.toml: JOBS_QUEUES = {{ {name} = 2 }}, with the number of its jobs \
             that may run at the same time",
            known.join(", ")
        )))
    }

    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }
}

/// Returns whether this is the name of a type of jobs, of a queue or of a schedule.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=60).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}
