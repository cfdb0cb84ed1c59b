//! The settings of jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use lback_core::settings::{Check, Section};
use serde::Deserialize;

use crate::registry::is_name;

/// The settings of jobs in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct JobsSettings {
    /// The number of jobs that a server runs at the same time. With 0, jobs run in processes of the command `worker` only.
    pub jobs_threads: usize,
    /// The number of jobs of a queue that run at the same time in all processes: `JOBS_QUEUES = { mail = 2, imports = 1 }`.
    pub jobs_queues: BTreeMap<String, u32>,
    /// Seconds after which the jobs of a process that has died run again.
    pub jobs_lease_seconds: u32,
    /// Days for which failed jobs are kept.
    pub jobs_keep_failed_days: u32,
}

impl Default for JobsSettings {
    fn default() -> Self {
        JobsSettings { jobs_threads: 4, jobs_queues: BTreeMap::new(), jobs_lease_seconds: 60, jobs_keep_failed_days: 30 }
    }
}

impl Section for JobsSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = JobsSettings::default();
        check.range("JOBS_THREADS", self.jobs_threads, 0..=256, usual.jobs_threads);
        check.range("JOBS_LEASE_SECONDS", self.jobs_lease_seconds, 5..=24 * 3600, usual.jobs_lease_seconds);
        check.range("JOBS_KEEP_FAILED_DAYS", self.jobs_keep_failed_days, 1..=3650, usual.jobs_keep_failed_days);
        let are_queues = self.jobs_queues.iter().all(|(name, limit)| is_name(name) && (1..=10_000).contains(limit));
        check.require("JOBS_QUEUES", are_queues, "a table of queues and numbers from 1 to 10000", "{ mail = 2 }");
    }
}

impl JobsSettings {
    /// Returns how long failed jobs are kept.
    pub(crate) fn keep_failed(&self) -> Duration {
        Duration::from_secs(u64::from(self.jobs_keep_failed_days) * 24 * 3600)
    }
}
