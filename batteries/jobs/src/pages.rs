//! The pages of the jobs, which the admin shows to superusers.

use chrono::{DateTime, Utc};
use lback_app::{InfoPage, InfoRow, InfoTable};
use lback_core::{Error, Request, Result};
use lback_db::RequestDb;

use crate::{JobState, Jobs, RequestJobs, store};

/// The maximum number of jobs of a state on the page.
const MOST: u32 = 100;

pub(crate) fn pages(has_schedules: bool) -> Vec<InfoPage> {
    let mut pages = vec![
        InfoPage::new("jobs", "Jobs", jobs).action("retry", "Retry", retry).action("cancel", "Cancel", cancel),
        InfoPage::new("throughput", "Jobs per hour", throughput),
    ];
    if has_schedules {
        pages.push(InfoPage::new("schedules", "Schedules", schedules));
    }
    pages
}

fn time(req: &Request, at: DateTime<Utc>) -> String {
    req.time_zone().local(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Returns the jobs by their states: first those that need attention.
fn jobs(req: &mut Request) -> Result<InfoTable> {
    let jobs = req.jobs()?;
    let mut found = Vec::new();
    for state in JobState::ALL {
        found.extend(jobs.list(req.db()?, Some(state), MOST)?);
    }
    let rows = found.into_iter().map(|job| {
        let state = match (&job.progress, job.is_cancelled) {
            (_, true) => format!("{}, cancelled", job.state),
            (Some(progress), _) => format!("{}, {} of {} {}", job.state, progress.done, progress.total, progress.text),
            _ => job.state.to_string(),
        };
        let cells = [
            job.id.to_string(),
            job.name,
            job.queue,
            state,
            time(req, job.due_at),
            job.attempts.to_string(),
            job.last_error.unwrap_or_default(),
        ];
        InfoRow::new(cells).key(job.id.to_string())
    });
    Ok(InfoTable::new(["Number", "Job", "Queue", "State", "Due", "Attempts", "Last error"]).rows(rows))
}

fn retry(req: &mut Request, key: &str) -> Result<String> {
    let (jobs, id) = (req.jobs()?, id(key)?);
    found(jobs.retry(req.db()?, id)?, "The job runs as soon as possible.", "This job has neither failed nor waits.")
}

fn cancel(req: &mut Request, key: &str) -> Result<String> {
    let (jobs, id) = (req.jobs()?, id(key)?);
    found(jobs.cancel(req.db()?, id)?, "The job has been cancelled.", "This job neither waits nor runs.")
}

fn id(key: &str) -> Result<i64> {
    key.parse().map_err(|_| Error::bad_request("This is not a job."))
}

fn found(is_found: bool, message: &str, missing: &str) -> Result<String> {
    if is_found { Ok(message.to_owned()) } else { Err(Error::not_found(missing)) }
}

fn schedules(req: &mut Request) -> Result<InfoTable> {
    let jobs: Jobs = req.jobs()?;
    let mut rows = Vec::new();
    for schedule in jobs.schedules() {
        let last = schedule.last(req.db()?)?;
        let next = last.and_then(|last| schedule.next(last));
        let shown = |at: Option<DateTime<Utc>>| at.map(|at| time(req, at)).unwrap_or_default();
        let zone = schedule.zone_in_use().to_string();
        rows.push(InfoRow::new([schedule.name_in_use().to_owned(), schedule.expression().to_owned(), zone, shown(last), shown(next)]));
    }
    Ok(InfoTable::new(["Schedule", "Times", "Time zone", "Last time", "Next time"]).rows(rows))
}

fn throughput(req: &mut Request) -> Result<InfoTable> {
    let counts = store::counts(req.db()?, 24)?;
    let row =
        |count: store::Count| InfoRow::new([time(req, count.hour.and_utc()), count.name, count.done.to_string(), count.failed.to_string()]);
    let rows = counts.into_iter().map(row);
    Ok(InfoTable::new(["Hour", "Job", "Succeeded", "Failed attempts"]).rows(rows))
}
