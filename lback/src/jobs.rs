//! Jobs: work that is done after the commit of a request, and at fixed times.

#[doc(inline)]
pub use lback_jobs::{
    AppJobs, Batch, BatchInfo, Enqueued, Job, JobContext, JobInfo, JobOptions, JobProgress, JobSet, JobState, Jobs, JobsSettings, Missed,
    NewJob, RequestJobs, Schedule, doubled_pause, job_batches, job_counts, job_queue, job_schedules, jobs,
};
