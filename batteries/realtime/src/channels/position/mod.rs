//! Positions in the order of messages.
//!
//! On PostgreSQL, transactions commit in another order than that of their ids. A position therefore names, besides the largest id, the
//! smaller ones that have not arrived. Any process can continue from it, as it does not depend on the order of arrival.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Maximum number of ranges of missing ids in a position. Each id is a transaction that was open at the time, or was rolled back shortly
/// before; a server that crashes skips some dozens. An event has room for so many.
const MOST_RANGES: usize = 20;
/// The time after which a missing id is left out: a transaction that commits later is not repeated to clients that connect again.
const RECENT: Duration = Duration::from_secs(600);
/// Maximum number of missing ids that are remembered.
const MOST_REMEMBERED: i64 = 10_000;

/// The ids that a client has received, or did not have to: all up to `last`, except for those in `missing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) last: i64,
    /// Ranges, each with its first and its last id.
    missing: Vec<(i64, i64)>,
}

impl Position {
    /// Parses the position that a client sends, such as `120-95-97:99`. Returns `None` if it is invalid.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        let range = |text: &str| {
            let (first, last) = text.split_once(':').unwrap_or((text, text));
            Some((number(first)?, number(last)?))
        };
        let mut parts = text.split('-');
        let last = number(parts.next()?)?;
        let missing: Vec<(i64, i64)> = parts.by_ref().take(MOST_RANGES).map(range).collect::<Option<_>>()?;
        let is_range = |(first, end): &(i64, i64)| first <= end && *end < last && end - first < MOST_REMEMBERED;
        let is_valid = parts.next().is_none() && missing.iter().all(is_range);
        is_valid.then_some(Position { last, missing })
    }

    /// Returns whether the client has this id.
    pub(crate) fn has(&self, id: i64) -> bool {
        id <= self.last && !self.missing.iter().any(|(first, last)| (*first..=*last).contains(&id))
    }

    /// Returns the ids up to `floor` that the client does not have, if it has all but a few.
    pub(crate) fn missing_to(&self, floor: i64) -> Option<impl Iterator<Item = i64>> {
        let missing = self.missing.iter().flat_map(move |(first, end)| *first..=(*end).min(floor));
        (self.last >= floor).then_some(missing)
    }
}

/// Returns a position as the text that [`Position::parse`] reads, unless too many ids are missing. They are in order.
fn text(last: i64, missing: impl IntoIterator<Item = i64>) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for id in missing {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == id => *end = id,
            _ => ranges.push((id, id)),
        }
    }
    if ranges.len() > MOST_RANGES {
        // The client is told that it may have missed something.
        return "?".to_owned();
    }
    let range = |(first, end): (i64, i64)| if first == end { format!("-{first}") } else { format!("-{first}:{end}") };
    ranges.into_iter().fold(last.to_string(), |text, ids| text + &range(ids))
}

/// The ids that have arrived in this process.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    last: i64,
    /// Smaller ids that have not arrived, and since when they are missing, if positions name them.
    missing: BTreeMap<i64, Option<Instant>>,
    /// Ids that have arrived after larger ones.
    filled: VecDeque<(i64, Instant)>,
}

/// The order in which a message has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    New,
    /// So late that positions do not name its id any more.
    Late,
    /// It has arrived before.
    Again,
}

impl Arrived {
    /// Begins with the last ids that are visible now. As many ids before them as `before` may arrive later.
    pub(crate) fn begin(mut visible: Vec<i64>, before: i64) -> Self {
        visible.sort_unstable();
        let Some(first) = visible.first().copied() else { return Arrived::default() };
        let before = ((first - before).max(1)..first).map(|id| (id, None)).collect();
        let mut arrived = Arrived { last: first - 1, missing: before, ..Arrived::default() };
        visible.into_iter().for_each(|id| {
            arrived.note(id);
        });
        arrived
    }

    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// Returns the ids below the last that have not arrived.
    pub(crate) fn missing(&self) -> impl Iterator<Item = i64> {
        self.missing.keys().copied()
    }

    pub(crate) fn has(&self, id: i64) -> bool {
        id <= self.last && !self.missing.contains_key(&id)
    }

    fn named(&self) -> impl Iterator<Item = i64> {
        self.missing.iter().filter(|(_, since)| since.is_some_and(|since| since.elapsed() < RECENT)).map(|(id, _)| *id)
    }

    /// Returns the position of a client that has received everything that has arrived.
    pub(crate) fn position(&self) -> String {
        text(self.last, self.named())
    }

    /// Returns the position after a stored message, if clients receive stored messages in the order of the ids: they may not have those
    /// that arrived later.
    pub(crate) fn position_after(&self, id: i64) -> String {
        let later = self.named().chain(self.filled.iter().map(|(id, _)| *id)).filter(|other| *other < id);
        text(id, later.collect::<BTreeSet<_>>())
    }

    pub(crate) fn note(&mut self, id: i64) -> Arrival {
        if id <= self.last {
            let Some(since) = self.missing.remove(&id) else { return Arrival::Again };
            self.filled.push_back((id, Instant::now()));
            self.filled.retain(|(_, at)| at.elapsed() < RECENT);
            return if since.is_some_and(|since| since.elapsed() < RECENT) { Arrival::New } else { Arrival::Late };
        }
        let now = Instant::now();
        self.missing.extend(((self.last + 1).max(id - MOST_REMEMBERED)..id).map(|id| (id, Some(now))));
        self.last = id;
        while i64::try_from(self.missing.len()).is_ok_and(|count| count > MOST_REMEMBERED) {
            self.missing.pop_first();
        }
        Arrival::New
    }
}

#[cfg(test)]
mod tests;
