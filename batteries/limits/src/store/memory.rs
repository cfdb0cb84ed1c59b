//! Counts in the memory of the process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::gcra::{Rate, Verdict};
use crate::key::Key;

/// The number of parts, so that threads seldom wait for each other.
const PARTS: usize = 64;
/// The most counts in a part: about 20 MB in all.
const MOST: usize = 4096;

/// For each key, the time at which the whole burst is available again. A time in the past says nothing, as does a missing one.
///
/// Strangers with many addresses cannot fill the memory: if there is no room, counts that say nothing are dropped, and then those of
/// clients that have used the least of their limits.
pub(crate) struct Memory {
    hasher: RandomState,
    parts: Vec<Mutex<HashMap<Key, i64>>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Memory { hasher: RandomState::new(), parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }

    /// Counts a request, or refuses it.
    pub(crate) fn take(&self, key: Key, rate: Rate, now: i64) -> Verdict {
        let mut part = self.part(key);
        let verdict = rate.take(part.get(&key).copied().unwrap_or(0), now);
        if verdict.is_allowed {
            insert(&mut part, key, verdict.full_at, now);
        }
        verdict
    }

    /// Returns the refusal of a request, without counting it if it is let through.
    pub(crate) fn refusal(&self, key: Key, rate: Rate, now: i64) -> Option<Verdict> {
        let full_at = *self.part(key).get(&key)?;
        let verdict = rate.take(full_at, now);
        (!verdict.is_allowed).then_some(verdict)
    }

    /// Learns from another store, where time only moves forward.
    pub(crate) fn learn(&self, key: Key, full_at: i64, now: i64) {
        let mut part = self.part(key);
        if part.get(&key).is_none_or(|known| *known < full_at) {
            insert(&mut part, key, full_at, now);
        }
    }

    fn part(&self, key: Key) -> MutexGuard<'_, HashMap<Key, i64>> {
        let at = self.hasher.hash_one(key) as usize % PARTS;
        self.parts[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().unwrap().len()).sum()
    }
}

fn insert(part: &mut HashMap<Key, i64>, key: Key, full_at: i64, now: i64) {
    if part.len() >= MOST && !part.contains_key(&key) {
        make_room(part, now);
    }
    part.insert(key, full_at);
}

/// Removes at least a quarter of a full part, so that this happens once in many requests.
fn make_room(part: &mut HashMap<Key, i64>, now: i64) {
    part.retain(|_, full_at| *full_at > now);
    let most = MOST / 4 * 3;
    if part.len() > most {
        let mut times: Vec<i64> = part.values().copied().collect();
        let excess = times.len() - most;
        let (_, &mut oldest, _) = times.select_nth_unstable(excess);
        part.retain(|_, full_at| *full_at > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { interval: 1_000_000, burst: 10 };

    #[test]
    fn strangers_fill_neither_the_memory_nor_push_out_a_client_at_its_limit() {
        let memory = Memory::new();
        let client = Key::of_user(1, -1);
        (0..10).for_each(|_| assert!(memory.take(client, RATE, 0).is_allowed));
        for stranger in 0..2 * (PARTS * MOST) as i64 {
            memory.take(Key::of_user(1, stranger), RATE, 0);
        }
        assert!(memory.len() <= PARTS * MOST, "{}", memory.len());
        assert!(!memory.take(client, RATE, 0).is_allowed);
    }

    #[test]
    fn counts_that_say_nothing_are_dropped_first() {
        let memory = Memory::new();
        for stranger in 0..2 * (PARTS * MOST) as i64 {
            memory.take(Key::of_user(1, stranger), RATE, 0);
        }
        let clients = || (0..1000).map(|client| Key::of_user(2, client));
        for client in clients() {
            memory.take(client, RATE, 2_000_000);
        }
        for stranger in 0..(PARTS * MOST / 2) as i64 {
            memory.take(Key::of_user(3, stranger), RATE, 2_000_000);
        }
        assert!(clients().all(|client| RATE.remaining(memory.take(client, RATE, 2_000_000).full_at, 2_000_000) == 8));
    }

    #[test]
    fn threads_together_get_exactly_the_burst() {
        let memory = Memory::new();
        let rate = Rate { interval: 1_000_000, burst: 500 };
        let taken: usize = std::thread::scope(|scope| {
            let take = || (0..300).filter(|_| memory.take(Key::of_user(1, 1), rate, 5).is_allowed).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 500);
    }

    #[test]
    fn what_is_learned_only_moves_forward() {
        let (memory, key) = (Memory::new(), Key::of_user(1, 1));
        memory.learn(key, 10_000_000, 0);
        memory.learn(key, 5_000_000, 0);
        assert_eq!(memory.refusal(key, RATE, 0).map(|verdict| verdict.full_at), Some(10_000_000));
        assert_eq!(memory.refusal(key, RATE, 1_000_000), None);
    }
}
