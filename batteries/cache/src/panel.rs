//! The cached values of a request in the developer toolbar.

use std::panic::Location;

use lback_core::profile::{Limited, Panel, PanelRow, PanelView, Profile, place, shortened};

use crate::entry::Outcome;

/// Shows the cached values that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CachePanel;

struct Recorded {
    key: String,
    outcome: Outcome,
    location: &'static Location<'static>,
}

/// Records a value of the current request.
pub(crate) fn record(key: &str, outcome: Outcome, location: &'static Location<'static>) {
    let Some(profile) = Profile::current() else { return };
    let recorded = || Recorded { key: shortened(key, 200), outcome, location };
    profile.record(|values: &mut Limited<Recorded>| values.push_with(recorded));
}

impl Panel for CachePanel {
    fn name(&self) -> &'static str {
        "cache"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(|values: &Limited<Recorded>| {
            let found = values.items().iter().filter(|value| value.outcome != Outcome::Miss).count();
            PanelView {
                title: "Cache".to_owned(),
                summary: format!("{found} of {}", values.count()),
                rows: values.items().iter().map(row).collect(),
                left_out: values.left_out(),
                ..PanelView::default()
            }
        })
    }
}

fn row(value: &Recorded) -> PanelRow {
    let note = match value.outcome {
        Outcome::Hit => "found",
        Outcome::Stale => "stale",
        Outcome::Miss => "computed",
    };
    PanelRow { text: value.key.clone(), note: note.to_owned(), place: Some(place(value.location)), ..PanelRow::default() }
}
