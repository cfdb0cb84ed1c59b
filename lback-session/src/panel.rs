//! The session in the developer toolbar.

use lback_core::is_secret_name;
use lback_core::profile::{Panel, PanelRow, PanelView, Profile, shortened};

use crate::AppSession;

/// Shows the keys of the request's session, and whether it was changed.
#[derive(Clone, Copy, Debug)]
pub struct SessionPanel;

/// The session at the end of the request.
#[derive(Default)]
struct Shown {
    is_new: bool,
    modified: bool,
    values: Vec<(String, String)>,
}

/// Values are cut off after this many bytes.
const MAX_VALUE: usize = 200;

/// Records the session of a request whose view has returned.
pub(crate) fn record(session: &AppSession) {
    let Some(profile) = Profile::current() else { return };
    let shown = |key: &str, value: &serde_json::Value| match is_secret_name(key) {
        true => "***".to_owned(),
        false => shortened(&value.to_string(), MAX_VALUE),
    };
    let values = session.data().iter().map(|(key, value)| (key.to_owned(), shown(key, value))).collect();
    let session = Shown { is_new: session.is_new(), modified: session.modified(), values };
    profile.record(|last: &mut Shown| *last = session);
}

impl Panel for SessionPanel {
    fn name(&self) -> &'static str {
        "session"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(|session: &Shown| {
            let row = |(key, value): &(String, String)| PanelRow { text: key.clone(), note: value.clone(), ..PanelRow::default() };
            let mut facts = vec![match session.values.len() {
                1 => "1 key".to_owned(),
                count => format!("{count} keys"),
            }];
            facts.extend(session.is_new.then(|| "new".to_owned()));
            facts.extend(session.modified.then(|| "modified".to_owned()));
            PanelView {
                title: "Session".to_owned(),
                summary: facts.join(", "),
                rows: session.values.iter().map(row).collect(),
                ..PanelView::default()
            }
        })
    }
}
