//! Jobs that run at fixed times.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use croner::Cron;
use diesel::prelude::*;
use lback_core::{ProgramError, ProgramResult, Result, TimeZone};
use lback_db::Db;

use crate::registry::{Registry, is_name};
use crate::store::{OfBatch, job_schedules, push};
use crate::{JobOptions, NewJob};

/// A job that is due more than this long ago was missed.
const TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// A job that is enqueued at fixed times, once in all processes.
///
/// ```no_run
/// use lback::jobs::{Missed, Schedule};
/// use lback::prelude::*;
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct SendReports;
/// # impl Job for SendReports {
/// #     const NAME: &'static str = "send_reports";
/// #     fn run(self, _: &mut JobContext) -> Result<()> { Ok(()) }
/// # }
///
/// # let urls = Router::new();
/// // On weekdays at 7:30 in the application's time zone.
/// App::new(urls).jobs(jobs![SendReports]).schedule_with(Schedule::new("30 7 * * MON-FRI", SendReports).missed(Missed::Skip));
/// ```
///
/// # Times
///
/// The expression has the five fields of cron: minute, hour, day of the month, month, day of the week. A sixth one in front is for
/// seconds. If both days are given, either is enough, as in cron. The times are those of `TIME_ZONE`, or of
/// [`zone`](Self::zone).
///
/// When clocks are set forward, a job whose fixed time is skipped runs at the first moment after the gap. When they are set back, a job
/// with a fixed time runs once, at the first of both. Jobs that run every few minutes or hours are not affected.
#[derive(Clone, Debug)]
#[must_use = "a schedule does nothing before App::schedule_with"]
pub struct Schedule {
    expression: String,
    job: NewJob,
    name: Option<String>,
    zone: Option<TimeZone>,
    missed: Missed,
    cron: Option<Cron>,
}

/// The policy for times at which no process was running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// The job runs once, as soon as a process runs again, however often it was missed.
    #[default]
    RunOnce,
    /// The job runs at its next time.
    Skip,
}

impl Schedule {
    /// Creates a schedule from a cron expression.
    pub fn new(expression: &str, job: impl Into<NewJob>) -> Self {
        Schedule { expression: expression.to_owned(), job: job.into(), name: None, zone: None, missed: Missed::default(), cron: None }
    }

    /// Names the schedule. By default, it has the name of the job; two schedules for one type of jobs need different names.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Sets the time zone, instead of `TIME_ZONE` in the settings.
    pub fn zone(mut self, zone: TimeZone) -> Self {
        self.zone = Some(zone);
        self
    }

    /// Sets the policy for times at which no process was running.
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// Checks the schedule, and makes it complete.
    pub(crate) fn prepare(&mut self, registry: &Registry, zone: TimeZone) -> ProgramResult {
        let name = self.name.get_or_insert_with(|| self.job.name.clone());
        let refused = |problem: String| ProgramError::new(format!("the schedule \"{name}\" is invalid: {problem}"));
        if !is_name(name) {
            return Err(refused("its name should have 1 to 60 lower-case letters, digits, hyphens and underscores".to_owned()));
        }
        let checked =
            self.job.check().and_then(|()| registry.require(&self.job.name)).and_then(|()| registry.require_queue(&self.job.queue));
        checked.map_err(|error| refused(error.message().to_owned()))?;
        let example = "Write five fields, such as \"0 3 * * *\" for every day at 3 o'clock";
        let cron: Cron = self.expression.parse().map_err(|error| refused(format!("{:?}: {error}. {example}", self.expression)))?;
        self.zone.get_or_insert(zone);
        self.cron = Some(cron);
        Ok(())
    }

    pub(crate) fn name_in_use(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.job.name)
    }

    pub(crate) fn expression(&self) -> &str {
        &self.expression
    }

    pub(crate) fn zone_in_use(&self) -> TimeZone {
        self.zone.unwrap_or_default()
    }

    /// Returns the next time after `after`, or `None` if there is none.
    pub(crate) fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.as_ref()?.find_next_occurrence(&after.with_timezone(&self.zone_in_use()), false).ok()?;
        Some(next.to_utc())
    }

    /// Returns the last time that is not after `now`, if it is after `since`.
    fn last_due(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut due = self.next(since).filter(|due| *due <= now)?;
        // Everything between is missed at once.
        let last = self.cron.as_ref()?.find_previous_occurrence(&now.with_timezone(&self.zone_in_use()), true).ok();
        if let Some(last) = last.map(|last| last.to_utc()).filter(|last| *last > due && *last <= now) {
            due = last;
        }
        Some(due)
    }

    /// Records the schedule, so that times from now on count.
    pub(crate) fn begin(&self, db: &mut Db) -> Result<()> {
        let row = (job_schedules::name.eq(self.name_in_use()), job_schedules::last_due.eq(db.now().naive_utc()));
        diesel::insert_into(job_schedules::table).values(row).on_conflict_do_nothing().execute(db)?;
        Ok(())
    }

    /// Returns the last time for which the job was enqueued, or the time when the schedule was added.
    pub(crate) fn last(&self, db: &mut Db) -> Result<Option<DateTime<Utc>>> {
        let row = job_schedules::table.find(self.name_in_use()).select(job_schedules::last_due);
        Ok(row.first::<NaiveDateTime>(db).optional()?.map(|at| at.and_utc()))
    }

    /// Enqueues the job if it is due, and returns the next time.
    pub(crate) fn run(&self, db: &mut Db) -> Result<Option<DateTime<Utc>>> {
        let now = db.now();
        let row = job_schedules::table.find(self.name_in_use());
        let last: Option<NaiveDateTime> = row.for_update().select(job_schedules::last_due).first(db).optional()?;
        let Some(last) = last else {
            self.begin(db)?;
            return Ok(self.next(now));
        };
        let Some(due) = self.last_due(last.and_utc(), now) else { return Ok(self.next(last.and_utc().max(now))) };
        diesel::update(row).set(job_schedules::last_due.eq(due.naive_utc())).execute(db)?;
        if self.missed == Missed::RunOnce || now - due <= TOLERANCE {
            push(db, &[self.job.clone().at(due)], OfBatch::default(), now)?;
        }
        Ok(self.next(now))
    }
}
