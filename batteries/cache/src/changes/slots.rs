//! The places in which changes are counted: tables and rows are hashed into a fixed number of them.
//!
//! If two tables share a slot, a change of the one lets values of the other be computed again, which is never wrong.

use sha2::{Digest, Sha256};

pub(crate) type Slot = u16;

/// The number of slots.
pub(crate) const SLOTS: Slot = 4096;
/// The slot that every change belongs to whose effects are not known.
pub(crate) const EVERYTHING: Slot = 0;

fn slot(parts: [&str; 3]) -> Slot {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let hash = hasher.finalize();
    1 + u16::from_be_bytes([hash[0], hash[1]]) % (SLOTS - 1)
}

/// Returns the slot of all changes of a table.
pub(crate) fn of_table(table: &str) -> Slot {
    slot(["table", table, ""])
}

/// Returns the slot of changes that may concern every row of a table.
pub(crate) fn of_all_rows(table: &str) -> Slot {
    slot(["rows", table, ""])
}

/// Returns the slot of a row.
pub(crate) fn of_row(table: &str, key: &str) -> Slot {
    slot(["row", table, key])
}
