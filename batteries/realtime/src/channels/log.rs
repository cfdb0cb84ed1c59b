//! The latest messages of a channel, in the order of their arrival.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::hub::Wake;
use super::message::Message;
use super::position::{Arrived, Position};

/// The place of the first message that arrives in this process. The ids of earlier ones, which are read from the table, are their places.
pub(super) const FIRST_PLACE: u64 = 1 << 63;
/// Maximum memory of the messages of a channel, in bytes.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// The latest messages of a channel. It exists while there are subscribers, and for a while longer.
pub(super) struct Log {
    messages: VecDeque<(u64, Message)>,
    bytes: usize,
    /// All messages with larger ids that have arrived are here.
    floor: i64,
    /// Subscribers before this place have missed messages.
    first_place: u64,
    /// Whether the messages before those that have arrived were read from the table.
    is_complete: bool,
    pub(super) subscribers: HashMap<u64, Arc<Wake>>,
    pub(super) used_at: Instant,
    pub(super) minute: Minute,
}

impl Log {
    pub(super) fn new(floor: i64) -> Self {
        Log {
            messages: VecDeque::new(),
            bytes: 0,
            floor,
            first_place: 0,
            is_complete: false,
            subscribers: HashMap::new(),
            used_at: Instant::now(),
            minute: Minute::default(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns the places and the sizes of the messages.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (u64, usize)> {
        self.messages.iter().map(|(place, message)| (*place, message.size()))
    }

    /// Adds a message that has arrived.
    pub(super) fn push(&mut self, place: u64, message: Message, most: usize) {
        self.bytes += message.size();
        self.messages.push_back((place, message));
        self.minute.count();
        while self.messages.len() > most || (self.bytes > MOST_BYTES && self.messages.len() > 1) {
            self.drop_first();
        }
    }

    /// Drops the messages before this place.
    pub(super) fn drop_before(&mut self, place: u64) {
        while self.messages.front().is_some_and(|(first, _)| *first < place) {
            self.drop_first();
        }
    }

    /// Drops the oldest message.
    fn drop_first(&mut self) {
        if let Some((place, message)) = self.messages.pop_front() {
            self.bytes -= message.size();
            self.floor = self.floor.max(message.number());
            self.first_place = place + 1;
        }
    }

    /// Tells all subscribers that messages may be missing. `last` is the largest id that has arrived, `next` the place of the next message.
    pub(super) fn lose(&mut self, last: i64, next: u64) {
        self.messages.clear();
        self.bytes = 0;
        self.floor = last;
        self.first_place = next;
        self.is_complete = true;
    }

    /// Lets clients that have not received `last` reload when they connect again: a message has arrived that their positions do not name.
    pub(super) fn forget_positions(&mut self, last: i64) {
        self.floor = self.floor.max(last + 1);
        self.is_complete = true;
    }

    /// Adds the messages of the table that arrived before this log began, with their places: all with ids from `all_from` on.
    pub(super) fn complete(&mut self, stored: Vec<(u64, Message)>, all_from: i64, arrived: &Arrived) {
        if self.is_complete || self.first_place > 0 {
            return;
        }
        let known: HashSet<i64> = self.messages.iter().map(|(_, message)| message.number()).collect();
        let mut new = stored;
        // Those that have not arrived will.
        new.retain(|(_, message)| arrived.has(message.number()) && !known.contains(&message.number()));
        new.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        self.floor = all_from - 1;
        for (place, message) in new {
            if self.bytes + message.size() > MOST_BYTES {
                self.floor = self.floor.max(message.number());
                continue;
            }
            self.bytes += message.size();
            self.messages.push_front((place, message));
        }
        self.is_complete = true;
    }

    /// Returns whether the table must be read before [`begin`](Self::begin).
    pub(super) fn needs_table(&self, after: &Position, arrived: &Arrived) -> bool {
        !self.is_complete && self.first_place == 0 && !self.continues(after, arrived)
    }

    /// Returns the place from which a client continues, or `None` if it may have missed messages.
    pub(super) fn begin(&self, after: &Position, arrived: &Arrived) -> Option<u64> {
        self.continues(after, arrived).then_some(self.first_place)
    }

    /// Returns whether everything that the client does not have is here, or will arrive.
    fn continues(&self, after: &Position, arrived: &Arrived) -> bool {
        let is_here = |id| !arrived.has(id) || self.messages.iter().any(|(_, message)| message.number() == id);
        after.missing_to(self.floor).is_some_and(|mut missing| missing.all(is_here))
    }

    /// Returns whether messages at this place or later were dropped.
    pub(super) fn has_dropped(&self, place: u64) -> bool {
        place < self.first_place
    }

    /// Returns the first message at this place or later.
    pub(super) fn next(&self, place: u64) -> Option<&(u64, Message)> {
        self.messages.get(self.messages.partition_point(|(other, _)| *other < place))
    }
}

/// Counts the messages of the current and the last minute.
#[derive(Default)]
pub(super) struct Minute {
    begin: Option<Instant>,
    count: u32,
    last: u32,
}

impl Minute {
    fn turn(&mut self) {
        let minutes = self.begin.map_or(2, |begin| begin.elapsed().as_secs() / 60);
        if minutes > 0 {
            self.last = if minutes == 1 { self.count } else { 0 };
            self.count = 0;
            self.begin = Some(Instant::now());
        }
    }

    fn count(&mut self) {
        self.turn();
        self.count = self.count.saturating_add(1);
    }

    /// Returns the larger number of the current and the last minute.
    pub(super) fn most(&mut self) -> u32 {
        self.turn();
        self.count.max(self.last)
    }
}
