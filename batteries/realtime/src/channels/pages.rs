//! The page of the channels, which the admin shows to superusers.

use std::collections::BTreeMap;

use lback_app::{InfoPage, InfoRow, InfoTable};
use lback_core::{Request, Result};
use lback_db::RequestDb;

use super::{RequestChannels, members};

/// Maximum number of rows on the page.
const MOST: usize = 200;
/// Maximum number of names in a row.
const MOST_NAMES: usize = 20;

pub(crate) fn page() -> InfoPage {
    InfoPage::new("channels", "Channels", channels)
}

/// Returns the channels of this process, the fullest first, with the members that they have in all processes.
fn channels(req: &mut Request) -> Result<InfoTable> {
    let channels = req.channels()?;
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let names = match channels.0.database {
        Some(_) => req.read_db(members::names)?,
        None => channels.0.presence.members().into_iter().map(|(channel, member)| (channel.to_string(), member.label)).collect(),
    };
    for (channel, label) in names {
        members.entry(channel).or_default().push(label);
    }
    let mut rows = Vec::new();
    for (channel, subscribers, messages, per_minute) in channels.hub().channels() {
        let names = members.remove(&*channel).unwrap_or_default();
        rows.push((channel.to_string(), subscribers, messages, per_minute, names));
    }
    rows.extend(members.into_iter().map(|(channel, names)| (channel, 0, 0, 0, names)));
    rows.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    rows.truncate(MOST);
    let row = |(channel, subscribers, messages, per_minute, names): (String, usize, usize, u32, Vec<String>)| {
        let more = names.len().saturating_sub(MOST_NAMES);
        let mut present = names.into_iter().take(MOST_NAMES).collect::<Vec<_>>().join(", ");
        if more > 0 {
            present.push_str(&format!(" and {more} more"));
        }
        InfoRow::new([channel, subscribers.to_string(), messages.to_string(), per_minute.to_string(), present])
    };
    let columns = ["Channel", "Streams of this process", "Messages in memory", "Messages per minute", "Present"];
    Ok(InfoTable::new(columns).rows(rows.into_iter().map(row)))
}
