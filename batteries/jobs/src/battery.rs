//! The battery that adds jobs to an application.

use lback_app::{App, Battery, CommandSpec, Setup};
use lback_core::{ProgramError, ProgramResult, Settings};
use lback_db::{Database, MigrationSet, Tables};

use crate::panel::JobsPanel;
use crate::registry::Registry;
use crate::schedule::Schedule;
use crate::sealed::Sealed;
use crate::worker::Worker;
use crate::{JobSet, Jobs, JobsSettings, commands, health, pages, store};

/// Adds jobs to [`App`].
pub trait AppJobs: Sealed {
    /// Adds types of jobs: [`req.enqueue()`](crate::RequestJobs::enqueue), the tables of the jobs, the worker that runs them in the
    /// server, and the commands `worker` and `jobs`. See [`Job`](crate::Job) for an example. It can be called several times.
    fn jobs(self, types: JobSet) -> Self;

    /// Adds types of jobs of a battery that can also do its work without a database. In an application without one, they are left out.
    fn optional_jobs(self, types: JobSet) -> Self;

    /// Enqueues a job at fixed times, once in all processes: `.schedule("0 3 * * *", CloseIdleTickets { days: 14 })` for every day at
    /// 3 o'clock. See [`Schedule`] for the expression and for options.
    #[cfg(feature = "schedules")]
    fn schedule(self, expression: &str, job: impl Into<crate::NewJob>) -> Self;

    /// Enqueues a job at fixed times, with options.
    #[cfg(feature = "schedules")]
    fn schedule_with(self, schedule: Schedule) -> Self;
}

impl AppJobs for App {
    fn jobs(mut self, types: JobSet) -> Self {
        self.battery_mut::<JobsBattery>().types.append(types);
        self
    }

    fn optional_jobs(mut self, types: JobSet) -> Self {
        let optional = &mut self.battery_mut::<JobsBattery>().optional;
        // A battery may be added twice.
        *optional = types.or(std::mem::take(optional));
        self
    }

    #[cfg(feature = "schedules")]
    fn schedule(self, expression: &str, job: impl Into<crate::NewJob>) -> Self {
        self.schedule_with(Schedule::new(expression, job))
    }

    #[cfg(feature = "schedules")]
    fn schedule_with(mut self, schedule: Schedule) -> Self {
        self.battery_mut::<JobsBattery>().schedules.push(schedule);
        self
    }
}

#[derive(Default)]
struct JobsBattery {
    types: JobSet,
    optional: JobSet,
    schedules: Vec<Schedule>,
}

impl Battery for JobsBattery {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<JobsSettings>();
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        store::tables()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![commands::worker(), commands::jobs()]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let settings: JobsSettings = setup.settings().section()?;
        let zone = setup.settings().section::<lback_core::CoreSettings>()?.time_zone;
        let Some(database) = setup.find_state::<Database>().cloned() else {
            let missing = "jobs need a database, which this application does not have. Remove App::without_database()";
            return if self.types.is_empty() && self.schedules.is_empty() { Ok(()) } else { Err(ProgramError::new(missing)) };
        };
        let mut types = self.types;
        types.append(self.optional);
        let registry = Registry::new(types, &settings.jobs_queues)?;
        let mut schedules = self.schedules;
        for schedule in &mut schedules {
            schedule.prepare(&registry, zone)?;
        }
        for (at, schedule) in schedules.iter().enumerate() {
            let name = schedule.name_in_use();
            if schedules.iter().take(at).any(|other| other.name_in_use() == name) {
                let remedy = "Write App::schedule_with(Schedule::new(…).name(\"…\")) for one of them";
                return Err(ProgramError::new(format!("two schedules are named \"{name}\". {remedy}")));
            }
        }
        let threads = settings.jobs_threads;
        let jobs = Jobs::new(registry, schedules, database, settings);
        setup.state(jobs.clone());
        setup.toolbar_panel(JobsPanel);
        setup.health_check("Jobs", health::health);
        setup.metrics(health::metrics);
        for page in pages::pages(!jobs.schedules().is_empty()) {
            setup.info_page(page);
        }
        if !jobs.schedules().is_empty() {
            let scheduled = jobs.clone();
            setup.after_migrate(move |_, database| {
                Ok(database.write(|db| scheduled.schedules().iter().try_for_each(|schedule| schedule.begin(db)))?)
            });
        }
        if threads > 0 {
            setup.background(move |app, stopping| Worker::new(&app, &jobs, threads).work(stopping));
        }
        Ok(())
    }
}
