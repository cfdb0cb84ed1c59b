//! Positions in the order of messages.
//!
//! On PostgreSQL, transactions commit in another order than that of their ids. A position therefore names, besides the largest id, the
//! smaller ones that have not arrived. Any process can continue from it, as it does not depend on the order of arrival.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

/// Maximum number of missing ids in a position. Each is a transaction that was open at the time, or was rolled back shortly before.
const MOST_MISSING: usize = 32;
/// The time after which a missing id is left out: a transaction that commits later is not repeated to clients that connect again.
const RECENT: Duration = Duration::from_secs(600);
/// Maximum number of missing ids that are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// The ids that a client has received, or did not have to: all up to `last`, except for `missing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) last: i64,
    pub(crate) missing: Vec<i64>,
}

impl Position {
    /// Reads what a client sends. Returns `None` if it is invalid.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut ids = text.split('-').map(|id| id.parse::<i64>().ok().filter(|id| *id >= 0));
        let last = ids.next()??;
        let missing: Vec<i64> = ids.by_ref().take(MOST_MISSING).collect::<Option<_>>()?;
        (ids.next().is_none() && missing.iter().all(|id| *id < last)).then_some(Position { last, missing })
    }

    /// Returns whether the client has this id.
    pub(crate) fn has(&self, id: i64) -> bool {
        id <= self.last && !self.missing.contains(&id)
    }

    /// Returns whether the client has all ids up to `floor`.
    pub(crate) fn has_all_to(&self, floor: i64) -> bool {
        self.last >= floor && self.missing.iter().all(|id| *id > floor)
    }
}

/// The ids that have arrived in this process.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    last: i64,
    /// Smaller ids that have not arrived, and since when they are missing.
    missing: BTreeMap<i64, Instant>,
    /// Ids that have arrived after larger ones.
    filled: VecDeque<(i64, Instant)>,
}

/// How a message has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    New,
    /// So late that positions do not name its id any more.
    Late,
    /// It has arrived before.
    Again,
}

impl Arrived {
    /// Begins with the ids that are visible now, of which there is at least the largest.
    pub(crate) fn begin(mut visible: Vec<i64>) -> Self {
        visible.sort_unstable();
        let mut arrived = Arrived { last: visible.first().map_or(0, |first| first - 1), ..Arrived::default() };
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

    fn recently_missing(&self) -> impl Iterator<Item = i64> {
        self.missing.iter().filter(|(_, since)| since.elapsed() < RECENT).map(|(id, _)| *id)
    }

    /// Returns the position after a stored message, to which clients are sent in the order of the ids: they may not have those that
    /// arrived later.
    pub(crate) fn position_after(&self, id: i64) -> String {
        let missing: BTreeSet<i64> =
            self.recently_missing().chain(self.filled.iter().map(|(id, _)| *id)).filter(|other| *other < id).collect();
        text(id, &missing.into_iter().collect::<Vec<_>>())
    }

    pub(crate) fn note(&mut self, id: i64) -> Arrival {
        if id <= self.last {
            let Some(since) = self.missing.remove(&id) else { return Arrival::Again };
            self.filled.push_back((id, Instant::now()));
            self.filled.retain(|(_, at)| at.elapsed() < RECENT);
            return if since.elapsed() < RECENT { Arrival::New } else { Arrival::Late };
        }
        let now = Instant::now();
        let most = i64::try_from(MOST_REMEMBERED).unwrap_or(i64::MAX);
        self.missing.extend(((self.last + 1).max(id - most)..id).map(|id| (id, now)));
        self.last = id;
        while self.missing.len() > MOST_REMEMBERED {
            self.missing.pop_first();
        }
        Arrival::New
    }
}

impl fmt::Display for Arrived {
    /// Writes the [`Position`] of a client that has received everything that has arrived. If too many ids are missing, it cannot be
    /// read, so the client is told that it may have missed something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self.last, &self.recently_missing().collect::<Vec<_>>()))
    }
}

/// Returns a position as the text that [`Position::parse`] reads, unless too many ids are missing.
fn text(last: i64, missing: &[i64]) -> String {
    if missing.len() > MOST_MISSING {
        return "?".to_owned();
    }
    [last].iter().chain(missing).map(i64::to_string).collect::<Vec<_>>().join("-")
}
