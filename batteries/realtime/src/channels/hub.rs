//! The messages and subscribers of this process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::log::{FIRST_PLACE, Log};
use super::message::{Message, Received};
use super::position::{Arrival, Arrived, Position};

/// The time for which the messages of a channel stay in memory after its last subscriber has left.
const KEEP: Duration = Duration::from_secs(60);
/// Maximum number of channels without subscribers that stay in memory.
const MOST_UNUSED: usize = 1000;
/// The interval at which unused channels are dropped, and the interval if there may be too many.
const SWEEP: Duration = Duration::from_secs(10);
const SWEEP_MANY: Duration = Duration::from_secs(1);
/// The number of messages, of all channels, whose places are remembered.
const MOST_PLACES: usize = 4096;
/// Maximum memory of all messages, in bytes.
const MOST_BYTES: usize = 64 << 20;

/// The task that waits for the messages of a subscription.
#[derive(Default)]
pub(super) struct Wake(Mutex<Option<Waker>>);

impl Wake {
    pub(super) fn wait(&self, waker: &Waker) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(own) => own.clone_from(waker),
            None => *waiting = Some(waker.clone()),
        }
    }

    fn take(&self) -> Option<Waker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A message that has arrived.
pub(super) struct Incoming {
    pub(super) number: i64,
    pub(super) channel: Arc<str>,
    pub(super) content: Content,
}

/// The content of a message that has arrived.
pub(super) enum Content {
    /// It was not read, as the channel had no subscribers.
    Unread,
    /// It was deleted.
    Gone,
    /// The name and the data.
    Read(Option<Box<str>>, Box<str>),
}

/// The place in a channel from which a subscription continues.
pub(super) struct Place {
    pub(super) channel: Arc<str>,
    pub(super) next: u64,
}

/// A subscriber that was added to the hub.
pub(super) struct Added {
    pub(super) id: u64,
    pub(super) places: Vec<Place>,
    /// The position after everything that has arrived before.
    pub(super) position: Arc<str>,
}

/// The messages and subscribers of this process.
pub(super) struct Hub {
    state: Mutex<State>,
    history: usize,
}

struct State {
    logs: HashMap<Arc<str>, Log>,
    arrived: Arrived,
    position: Arc<str>,
    next_place: u64,
    /// The places of the last messages, by their ids.
    places: BTreeMap<i64, u64>,
    next_subscriber: u64,
    bytes: usize,
    swept_at: Instant,
}

impl Hub {
    pub(super) fn new(history: usize) -> Self {
        let state = State {
            logs: HashMap::new(),
            arrived: Arrived::default(),
            position: "0".into(),
            next_place: FIRST_PLACE,
            places: BTreeMap::new(),
            next_subscriber: 0,
            bytes: 0,
            swept_at: Instant::now(),
        };
        Hub { state: Mutex::new(state), history }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins with the ids that have been committed.
    pub(super) fn begin(&self, arrived: Arrived) {
        let mut state = self.state();
        state.position = arrived.position().into();
        state.arrived = arrived;
    }

    /// Returns the position after everything that has arrived.
    pub(super) fn position(&self) -> Arc<str> {
        self.state().position.clone()
    }

    /// Returns the largest id that has arrived, and the smaller ones that have not.
    pub(super) fn arrived(&self) -> (i64, Vec<i64>) {
        let state = self.state();
        (state.arrived.last(), state.arrived.missing().collect())
    }

    /// Returns whether the messages of this channel are kept.
    pub(super) fn keeps(&self, channel: &str) -> bool {
        self.state().logs.contains_key(channel)
    }

    /// Adds a message that only this process has.
    pub(super) fn push(&self, channel: Arc<str>, name: Option<Box<str>>, json: Box<str>) {
        let mut state = self.state();
        let number = state.arrived.last() + 1;
        let wakes = state.receive(Incoming { number, channel, content: Content::Read(name, json) }, self.history);
        drop(state);
        wake_all(&wakes);
    }

    /// Adds messages that have arrived, in this order, and wakes their subscribers.
    ///
    /// # Errors
    /// Returns all messages if one was not read whose channel has subscribers by now.
    pub(super) fn deliver(&self, messages: Vec<Incoming>) -> Result<(), Vec<Incoming>> {
        let mut state = self.state();
        if messages.iter().any(|message| matches!(message.content, Content::Unread) && state.logs.contains_key(&message.channel)) {
            return Err(messages);
        }
        let wakes: Vec<Arc<Wake>> = messages.into_iter().flat_map(|message| state.receive(message, self.history)).collect();
        state.sweep();
        drop(state);
        wake_all(&wakes);
        Ok(())
    }

    /// Tells all subscribers that messages may be missing.
    pub(super) fn lose_all(&self) {
        let mut state = self.state();
        let State { logs, arrived, next_place, bytes, .. } = &mut *state;
        *next_place += 1;
        logs.values_mut().for_each(|log| log.lose(arrived.last(), *next_place));
        *bytes = 0;
        let wakes: Vec<Arc<Wake>> = logs.values().flat_map(|log| log.subscribers.values().cloned()).collect();
        drop(state);
        wake_all(&wakes);
    }

    /// Adds a subscriber, from the next message on.
    pub(super) fn add(&self, channels: &[&str], wake: &Arc<Wake>) -> Added {
        let mut state = self.state();
        state.next_subscriber += 1;
        let (id, next, last) = (state.next_subscriber, state.next_place, state.arrived.last());
        let mut places: Vec<Place> = Vec::with_capacity(channels.len());
        for &channel in channels {
            if places.iter().any(|place| *place.channel == *channel) {
                continue;
            }
            let known = state.logs.get_key_value(channel).map(|(channel, _)| channel.clone());
            let channel = known.unwrap_or_else(|| channel.into());
            state.logs.entry(channel.clone()).or_insert_with(|| Log::new(last)).subscribers.insert(id, wake.clone());
            places.push(Place { channel, next });
        }
        state.sweep();
        Added { id, places, position: state.position.clone() }
    }

    pub(super) fn remove(&self, id: u64, places: &[Place]) {
        let mut state = self.state();
        for place in places {
            if let Some(log) = state.logs.get_mut(&place.channel) {
                log.subscribers.remove(&id);
                log.used_at = Instant::now();
            }
        }
        state.sweep();
    }

    /// Returns whether the table must be read before a subscription to this channel can continue.
    pub(super) fn needs_table(&self, channel: &str, after: &Position) -> bool {
        let state = self.state();
        state.logs.get(channel).is_some_and(|log| log.needs_table(after, &state.arrived))
    }

    /// Adds the messages of the table: the last ones of the channel, which are all with ids from `all_from` on.
    pub(super) fn complete(&self, channel: &str, stored: Vec<Incoming>, all_from: i64) {
        let mut state = self.state();
        let State { logs, arrived, places, bytes, .. } = &mut *state;
        let Some(log) = logs.get_mut(channel) else { return };
        *bytes -= log.bytes();
        let message = |stored: Incoming| {
            let Content::Read(name, json) = stored.content else { return None };
            let place = places.get(&stored.number).copied().unwrap_or(stored.number.unsigned_abs());
            Some((place, Message::new(stored.number, arrived.position_after(stored.number).into(), stored.channel, name, json)))
        };
        log.complete(stored.into_iter().filter_map(message).collect(), all_from, arrived);
        *bytes += log.bytes();
        state.shrink();
    }

    /// Lets a subscription continue after this position. Returns false if it may have missed messages.
    pub(super) fn resume(&self, places: &mut [Place], after: &Position) -> bool {
        let state = self.state();
        let found: Option<Vec<u64>> = places.iter().map(|place| state.logs.get(&place.channel)?.begin(after, &state.arrived)).collect();
        let Some(found) = found else { return false };
        places.iter_mut().zip(found).for_each(|(place, next)| place.next = next);
        true
    }

    /// Returns the next message for a subscription that continues after `after`, or `None` if there is none.
    pub(super) fn next(&self, places: &mut [Place], after: Option<&Position>) -> Option<Received> {
        let state = self.state();
        loop {
            let mut first: Option<(usize, u64, &Message)> = None;
            for (at, place) in places.iter().enumerate() {
                let Some(log) = state.logs.get(&place.channel) else { continue };
                if log.has_dropped(place.next) {
                    places.iter_mut().for_each(|place| place.next = state.next_place);
                    return Some(Received::Gap(state.position.clone()));
                }
                if let Some((number, message)) = log.next(place.next)
                    && first.is_none_or(|(_, other, _)| number < &other)
                {
                    first = Some((at, *number, message));
                }
            }
            let (at, number, message) = first?;
            places[at].next = number + 1;
            if !after.is_some_and(|after| after.has(message.number())) {
                return Some(Received::Message(message.clone()));
            }
        }
    }

    /// Returns the channels, with the numbers of their subscribers, of their messages in memory, and of those per minute.
    pub(super) fn channels(&self) -> Vec<(Arc<str>, usize, usize, u32)> {
        let mut state = self.state();
        let channel = |(channel, log): (&Arc<str>, &mut Log)| (channel.clone(), log.subscribers.len(), log.len(), log.minute.most());
        let mut channels: Vec<_> = state.logs.iter_mut().map(channel).collect();
        channels.sort();
        channels
    }
}

impl State {
    /// Adds a message that has arrived, and returns its subscribers.
    fn receive(&mut self, incoming: Incoming, history: usize) -> Vec<Arc<Wake>> {
        let arrival = self.arrived.note(incoming.number);
        if arrival == Arrival::Again {
            return Vec::new();
        }
        self.position = self.arrived.position().into();
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(incoming.number, place);
        if self.places.len() > MOST_PLACES {
            self.places.pop_first();
        }
        if arrival == Arrival::Late {
            let last = self.arrived.last();
            self.logs.values_mut().for_each(|log| log.forget_positions(last));
        }
        let Some(log) = self.logs.get_mut(&incoming.channel) else { return Vec::new() };
        self.bytes -= log.bytes();
        match incoming.content {
            Content::Read(name, json) => {
                let message = Message::new(incoming.number, self.position.clone(), incoming.channel, name, json);
                log.push(place, message, history);
            }
            Content::Unread | Content::Gone => log.lose(self.arrived.last(), self.next_place),
        }
        self.bytes += log.bytes();
        let wakes = log.subscribers.values().cloned().collect();
        self.shrink();
        wakes
    }

    /// Drops channels that have had no subscriber for a while.
    fn sweep(&mut self) {
        let interval = if self.logs.len() > MOST_UNUSED { SWEEP_MANY } else { SWEEP };
        if self.swept_at.elapsed() < interval {
            return;
        }
        self.swept_at = Instant::now();
        let unused = self.logs.values().filter(|log| log.subscribers.is_empty()).count();
        let keep = if unused > MOST_UNUSED { Duration::ZERO } else { KEEP };
        self.logs.retain(|_, log| !log.subscribers.is_empty() || log.used_at.elapsed() < keep);
        self.bytes = self.logs.values().map(Log::bytes).sum();
    }

    /// Drops the oldest messages of all channels if they take too much memory, until they take half of it.
    fn shrink(&mut self) {
        if self.bytes <= MOST_BYTES {
            return;
        }
        let mut sizes: Vec<(u64, usize)> = self.logs.values().flat_map(Log::sizes).collect();
        sizes.sort_unstable();
        let mut left = self.bytes;
        let keep = sizes.into_iter().find_map(|(place, size)| {
            left = left.saturating_sub(size);
            (left <= MOST_BYTES / 2).then_some(place + 1)
        });
        self.logs.values_mut().for_each(|log| log.drop_before(keep.unwrap_or(self.next_place)));
        self.bytes = self.logs.values().map(Log::bytes).sum();
    }
}

fn wake_all(wakes: &[Arc<Wake>]) {
    wakes.iter().filter_map(|wake| wake.take()).for_each(Waker::wake);
}
