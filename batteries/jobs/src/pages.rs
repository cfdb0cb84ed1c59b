//! The pages of the jobs, which the admin shows to superusers.

use chrono::{DateTime, Utc};
use lback_app::{InfoPage, InfoRow, InfoTable};
use lback_core::{Error, Request, Result};
use lback_db::RequestDb;

use crate::{JobProgress, Jobs, RequestJobs, store};

/// The maximum number of jobs of a state on the page.
const MOST: u32 = 100;
/// The number of hours in the charts.
const HOURS: i64 = 24;

pub(crate) fn pages(has_schedules: bool) -> Vec<InfoPage> {
    let mut pages = vec![InfoPage::new("jobs", "Jobs", jobs).action("retry", "Retry", retry).action("cancel", "Cancel", cancel)];
    if has_schedules {
        pages.push(InfoPage::new("schedules", "Schedules", schedules));
    }
    pages
}

fn time(req: &Request, at: DateTime<Utc>) -> String {
    req.time_zone().local(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Returns the jobs by their states, beginning with those that need attention, and what was done in the last hours.
fn jobs(req: &mut Request) -> Result<InfoTable> {
    let rows = store::overview(req.db()?, MOST)?.into_iter().map(|job| {
        let progress = job.progress.and_then(|progress| serde_json::from_str::<JobProgress>(&progress).ok());
        let state = match (progress, job.is_cancelled) {
            (_, true) => format!("{}, cancelled", job.state),
            (Some(progress), _) => format!("{}, {} of {} {}", job.state, progress.done, progress.total, progress.text),
            _ => job.state,
        };
        let cells = [
            job.id.to_string(),
            job.name,
            job.queue,
            state,
            time(req, job.due_at.and_utc()),
            job.attempts.to_string(),
            job.last_error.unwrap_or_default(),
        ];
        InfoRow::new(cells).key(job.id.to_string())
    });
    let rows: Vec<InfoRow> = rows.collect();
    let counts = store::counts(req.db()?, HOURS)?;
    Ok(InfoTable::new(["Number", "Job", "Queue", "State", "Due", "Attempts", "Last error"])
        .chart("Succeeded per hour", bars(req, &counts, |count| count.done))
        .chart("Failed attempts per hour", bars(req, &counts, |count| count.failed))
        .rows(rows))
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

/// Returns a bar for each of the last hours, from the number of `count`.
fn bars(req: &Request, counts: &[store::Count], count: impl Fn(&store::Count) -> i64) -> Vec<(String, f64)> {
    let now = req.now().timestamp();
    let hours = (0..HOURS).rev().filter_map(|ago| DateTime::from_timestamp(now - now.rem_euclid(3600) - ago * 3600, 0));
    let bar = |hour: DateTime<Utc>| {
        let sum: i64 = counts.iter().filter(|count| count.hour == hour.naive_utc()).map(&count).sum();
        // Only numbers above 2^53 lose digits.
        (req.time_zone().local(hour).format("%H:%M").to_string(), sum as f64)
    };
    hours.map(bar).collect()
}
