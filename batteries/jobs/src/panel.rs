//! The jobs of a request in the developer toolbar.

use std::panic::Location;

use lback_core::profile::{Limited, Panel, PanelRow, PanelView, Profile, place};

use crate::NewJob;

/// Shows the jobs that a request enqueues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobsPanel;

struct Recorded {
    name: String,
    queue: String,
    location: &'static Location<'static>,
}

/// Records a job of the current request.
#[track_caller]
pub(crate) fn record(job: &NewJob) {
    let Some(profile) = Profile::current() else { return };
    let location = Location::caller();
    let recorded = || Recorded { name: job.name.clone(), queue: job.queue.clone(), location };
    profile.record(|jobs: &mut Limited<Recorded>| jobs.push_with(recorded));
}

impl Panel for JobsPanel {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(|jobs: &Limited<Recorded>| PanelView {
            title: "Jobs".to_owned(),
            summary: jobs.count().to_string(),
            rows: jobs.items().iter().map(row).collect(),
            left_out: jobs.left_out(),
            ..PanelView::default()
        })
    }
}

fn row(job: &Recorded) -> PanelRow {
    let note = format!("queue {}", job.queue);
    PanelRow { text: job.name.clone(), note, place: Some(place(job.location)), ..PanelRow::default() }
}
