//! The health check and the metrics of the jobs.

use chrono::TimeDelta;
use diesel::prelude::*;
use lback_app::{Health, MetricKind, Metrics};
use lback_core::{Application, Result};

use crate::Jobs;
use crate::store::{FAILED, READY, job_queue};

/// The maximum number of jobs that are counted.
const MOST: i64 = 1000;
/// The delay after which a job that is ready needs attention.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// Returns the numbers of jobs that are ready and of those that have failed.
pub(crate) fn health(app: &Application) -> Result<Health> {
    let Some(jobs) = app.state::<Jobs>() else { return Ok(Health::ok("none")) };
    let late = (app.clock().now() - LATE).naive_utc();
    jobs.database().read(|db| {
        let ids = job_queue::table.select(job_queue::id).limit(MOST);
        let ready: Vec<i64> = ids.filter(job_queue::state.eq(READY)).load(db)?;
        let failed: Vec<i64> = ids.filter(job_queue::state.eq(FAILED)).load(db)?;
        let overdue = job_queue::table.filter(job_queue::state.eq(READY)).filter(job_queue::due_at.lt(late));
        let overdue: Option<i64> = overdue.select(job_queue::id).first(db).optional()?;
        let text = format!("{} ready, {} failed", counted(ready.len()), counted(failed.len()));
        Ok(match overdue {
            Some(_) => Health::warning(format!("{text}; some have been ready for more than ten minutes")),
            None => Health::ok_if(failed.is_empty(), text),
        })
    })
}

fn counted(count: usize) -> String {
    if i64::try_from(count).is_ok_and(|count| count < MOST) { count.to_string() } else { format!("{MOST} or more") }
}

/// Measures how many jobs there are, by queue and state.
pub(crate) fn metrics(app: &Application, metrics: &mut Metrics) -> Result<()> {
    let Some(jobs) = app.state::<Jobs>() else { return Ok(()) };
    let counts = job_queue::table.group_by((job_queue::queue, job_queue::state)).order((job_queue::queue, job_queue::state));
    let counts = counts.select((job_queue::queue, job_queue::state, diesel::dsl::count_star()));
    let counts: Vec<(String, String, i64)> = jobs.database().read(|db| Ok(counts.load(db)?))?;
    let mut family = metrics.family("lback_jobs", MetricKind::Gauge, "Stored jobs, by queue and state.");
    for (queue, state, count) in counts {
        family.sample(&[("queue", &queue), ("state", &state)], count);
    }
    Ok(())
}
