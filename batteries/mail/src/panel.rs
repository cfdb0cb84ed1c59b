//! The mails of a request in the developer toolbar.

use std::panic::Location;

use lback_core::profile::{Limited, Panel, PanelRow, PanelView, Profile, place};

use crate::MailMessage;

/// Shows the mails that a request sends if it is committed.
#[derive(Clone, Copy, Debug)]
pub struct MailPanel;

struct Sent {
    to: String,
    subject: String,
    location: &'static Location<'static>,
}

/// Records a mail of the current request.
pub(crate) fn record(mail: &MailMessage, location: &'static Location<'static>) {
    let Some(profile) = Profile::current() else { return };
    profile.record(|mails: &mut Limited<Sent>| {
        mails.push_with(|| Sent { to: mail.recipient_list(), subject: mail.subject.clone(), location });
    });
}

impl Panel for MailPanel {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(|mails: &Limited<Sent>| PanelView {
            title: "Mail".to_owned(),
            summary: mails.count().to_string(),
            rows: mails.items().iter().map(row).collect(),
            left_out: mails.left_out(),
            ..PanelView::default()
        })
    }
}

fn row(mail: &Sent) -> PanelRow {
    PanelRow { text: mail.subject.clone(), note: format!("to {}", mail.to), place: Some(place(mail.location)), ..PanelRow::default() }
}
