//! The committed changes that this process knows.

use super::Snapshot;
use super::slots::{EVERYTHING, SLOTS, Slot};

/// The most changes of a slot that are kept one by one.
const MOST: usize = 32;

/// A change as it was read: its number, and what it changed.
pub(crate) struct Change {
    pub(crate) number: i64,
    pub(crate) slots: String,
}

/// The known changes.
pub(crate) struct Log {
    /// The changes that the last look has seen.
    seen: Snapshot,
    /// Changes before this number may be unknown.
    floor: i64,
    slots: Vec<History>,
}

/// The changes of a slot.
#[derive(Clone, Default)]
struct History {
    /// The newest changes, in order.
    newest: Vec<i64>,
    /// The largest number that is not among them any more.
    before: i64,
}

impl History {
    fn add(&mut self, change: i64) {
        if let Err(at) = self.newest.binary_search(&change) {
            self.newest.insert(at, change);
        }
        if self.newest.len() > MOST {
            self.before = self.before.max(self.newest.remove(0));
        }
    }

    fn is_seen_by(&self, snapshot: &Snapshot) -> bool {
        self.before < snapshot.xmin
            && self.newest.iter().rev().take_while(|change| **change >= snapshot.xmin).all(|change| snapshot.sees(*change))
    }
}

impl Log {
    pub(crate) fn new() -> Self {
        Log { seen: Snapshot::up_to(0), floor: 0, slots: vec![History::default(); usize::from(SLOTS)] }
    }

    pub(crate) fn seen(&self) -> &Snapshot {
        &self.seen
    }

    /// Adds what a look has found since the one before. `seen` is what it saw.
    pub(crate) fn apply(&mut self, seen: Snapshot, changes: &[Change]) {
        for Change { number, slots } in changes {
            // Changes before this number have been deleted.
            if let Some(deleted) = slots.strip_prefix('<') {
                let deleted = deleted.parse().unwrap_or(i64::MAX);
                if deleted > self.seen.xmin {
                    self.floor = self.floor.max(deleted);
                }
                continue;
            }
            for slot in slots.split(',') {
                let slot = slot.parse().ok().filter(|slot| *slot < SLOTS).unwrap_or(EVERYTHING);
                self.slots[usize::from(slot)].add(*number);
            }
        }
        self.seen = seen;
    }

    /// Returns whether a value that was computed from what `snapshot` saw is up to date.
    pub(crate) fn is_current(&self, snapshot: &Snapshot, slots: &[Slot]) -> bool {
        // A number from the future belongs to another database, or to one before its backup was restored.
        snapshot.xmin >= self.floor
            && snapshot.xmax <= self.seen.xmax
            && [EVERYTHING]
                .iter()
                .chain(slots)
                .all(|slot| self.slots.get(usize::from(*slot)).is_some_and(|history| history.is_seen_by(snapshot)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Log, MOST};
    use crate::changes::Snapshot;

    fn change(number: i64, slots: &str) -> Change {
        Change { number, slots: slots.to_owned() }
    }

    #[test]
    fn a_value_is_current_until_one_of_its_slots_changes() {
        let mut log = Log::new();
        log.apply(Snapshot::up_to(5), &[change(4, "7,8"), change(5, "9")]);
        let current = |log: &Log, seen: i64, slots: &[u16]| log.is_current(&Snapshot::up_to(seen), slots);
        assert!(current(&log, 4, &[7, 8]) && !current(&log, 4, &[9]) && !current(&log, 3, &[8]) && current(&log, 0, &[10]));
        assert!(!current(&log, 6, &[10]), "a snapshot from the future");
        log.apply(Snapshot::up_to(6), &[change(6, "0")]);
        assert!(!current(&log, 5, &[10]) && current(&log, 6, &[7, 8, 9, 10]));
        log.apply(Snapshot::up_to(7), &[change(7, "nonsense")]);
        assert!(!current(&log, 6, &[10]));
    }

    #[test]
    fn a_change_that_commits_late_is_not_missed() {
        let mut log = Log::new();
        log.apply("10:12:10".parse().unwrap(), &[change(11, "7")]);
        let stamp: Snapshot = "10:12:10".parse().unwrap();
        assert!(log.is_current(&stamp, &[7]));
        log.apply("12:12:".parse().unwrap(), &[change(10, "7")]);
        assert!(!log.is_current(&stamp, &[7]) && log.is_current(&"12:12:".parse().unwrap(), &[7]));
    }

    #[test]
    fn a_process_that_missed_deleted_changes_trusts_nothing_older() {
        let mut log = Log::new();
        log.apply(Snapshot::up_to(50), &[]);
        // Seen before they were deleted.
        log.apply(Snapshot::up_to(60), &[change(60, "<40")]);
        assert!(log.is_current(&Snapshot::up_to(30), &[7]));
        log.apply(Snapshot::up_to(200), &[change(200, "<150")]);
        assert!(!log.is_current(&Snapshot::up_to(148), &[7]) && log.is_current(&Snapshot::up_to(149), &[7]));
    }

    #[test]
    fn many_changes_of_a_slot_take_little_room() {
        let mut log = Log::new();
        let changes: Vec<Change> = (1..=1000).map(|number| change(number, "7")).collect();
        log.apply(Snapshot::up_to(1000), &changes);
        assert_eq!(log.slots[7].newest.len(), MOST);
        assert!(log.is_current(&Snapshot::up_to(1000), &[7]) && !log.is_current(&Snapshot::up_to(999), &[7]));
        assert!(!log.is_current(&Snapshot::up_to(1), &[7]));
    }
}
