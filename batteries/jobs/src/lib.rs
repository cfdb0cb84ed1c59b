//! Background jobs and schedules for the [Lback](https://docs.rs/lback) web framework: enqueued in the transaction of a request, run
//! after its commit, and marked as done in the transaction of their own work.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod battery;
mod commands;
mod context;
mod health;
mod info;
mod job;
mod jobs;
mod new_job;
mod pages;
mod panel;
mod registry;
mod request;
#[cfg(feature = "schedules")]
mod schedule;
#[cfg(not(feature = "schedules"))]
#[path = "no_schedule.rs"]
mod schedule;
mod sealed;
mod settings;
mod store;
mod testing;
mod worker;

pub use battery::AppJobs;
pub use context::JobContext;
pub use info::{BatchInfo, JobInfo, JobProgress, JobState};
pub use job::{Job, doubled_pause};
pub use jobs::{Enqueued, Jobs};
pub use new_job::{Batch, JobOptions, NewJob};
pub use registry::JobSet;
pub use request::RequestJobs;
#[cfg(feature = "schedules")]
pub use schedule::{Missed, Schedule};
pub use settings::JobsSettings;
pub use store::{job_batches, job_counts, job_queue, job_schedules, tables};
pub use testing::{ClientJobs, JobRun};

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that create the tables of the jobs.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);
