//! Committed changes of the database, by which every process knows which values are out of date.
//!
//! * Before a transaction commits, the tables and rows that it has changed are written into the table `cache_changes` as part of it
//!   ([`recorder`]), as numbers of [`slots`]. Nothing happens after the commit.
//! * A value is stored with the [`snapshot`] of the committed changes that its computation saw at least.
//! * Before a value is served, the process [looks](look) for changes that were committed since its last look. The value is up to date
//!   if it has seen all changes of its slots ([`log`]).
//!
//! So no value is served that is older than a commit which was answered before the request arrived, whichever process committed, and
//! even if processes are killed in between. If something is not known, a value is computed again.

mod graph;
mod log;
mod look;
mod prune;
mod recorder;
mod slots;
mod snapshot;

pub(crate) use look::{Looker, seen_by};
pub(crate) use prune::prune;
pub(crate) use recorder::{Knowledge, Recorder, change_everything, concern, is_recorded};
pub(crate) use slots::{Slot, of_table};
#[cfg(feature = "models")]
pub(crate) use slots::{of_all_rows, of_row};
pub(crate) use snapshot::Snapshot;

diesel::table! {
    /// The changes of commits.
    cache_changes (id) {
        /// The number of the change: on PostgreSQL, that of its transaction.
        id -> BigInt,
        /// The slots, separated by commas.
        slots -> Text,
        /// The time, in seconds since 1970.
        created_at -> BigInt,
    }
}
