//! Records the tables and rows that the transactions of an application change, for a recorder that stores them with the commit.

mod effect;
mod recording;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::QueryResult;

pub(crate) use self::effect::Effect;
pub use self::effect::Verbs;
pub(crate) use self::recording::{Recording, Tracking};
use crate::Db;

/// The most rows of a table that a transaction records one by one.
const MOST_ROWS: usize = 100;

/// Receives the changes of the application's transactions: [`Database::record_changes`](crate::Database::record_changes).
pub trait ChangeRecorder: Send + Sync + 'static {
    /// Returns a mark of what is known to be committed now. A transaction that begins keeps it: [`UnitChanges::begun`].
    fn mark(&self) -> u64;

    /// Returns SQL that runs in the transaction with its commit, or `None` if these changes do not matter. On PostgreSQL, it is sent
    /// together with COMMIT.
    ///
    /// # Errors
    /// Returns an error of the database, which prevents the commit.
    fn statement(&self, db: &mut Db, changes: &Changes) -> QueryResult<Option<String>>;
}

/// The changes of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    tables: BTreeMap<String, TableChanges>,
    calls: BTreeSet<String>,
    everything: bool,
}

/// The changes of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableChanges {
    /// The ways in which it has changed.
    pub verbs: Verbs,
    /// The keys of the rows, if only single rows were changed or removed. `None` if all rows may have changed.
    pub rows: Option<BTreeSet<String>>,
}

impl Changes {
    /// Returns whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.calls.is_empty() && !self.everything
    }

    /// Returns the tables, by their names in lower case without schemas.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &TableChanges)> {
        self.tables.iter().map(|(name, changes)| (name.as_str(), changes))
    }

    /// Returns functions of PostgreSQL that were called, and that may change tables if they are volatile.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(String::as_str)
    }

    /// Returns whether anything may have changed: a statement was run whose effects its SQL does not show.
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    fn add(&mut self, effect: &Effect, row: Option<&(String, String)>) {
        self.everything |= effect.everything;
        self.calls.extend(effect.calls.iter().cloned());
        for (table, verbs) in &effect.tables {
            let changes =
                self.tables.entry(table.clone()).or_insert_with(|| TableChanges { rows: Some(BTreeSet::new()), ..Default::default() });
            changes.verbs = changes.verbs.and(*verbs);
            match row {
                Some((of, key)) if of == table => {
                    if let Some(rows) = &mut changes.rows {
                        rows.insert(key.clone());
                    }
                    if changes.rows.as_ref().is_some_and(|rows| rows.len() > MOST_ROWS) {
                        changes.rows = None;
                    }
                }
                // A new row changes none of the others.
                _ if *verbs == Verbs::INSERT => {}
                _ => changes.rows = None,
            }
        }
    }
}

/// The changes of a unit of work that are not committed yet. Shared, as they are read while the unit of work has its connection.
#[derive(Clone, Default)]
pub struct UnitChanges(Arc<Mutex<Unit>>);

/// The beginning of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The [mark](ChangeRecorder::mark) of the time before it.
    pub mark: u64,
    /// A number that no other transaction of this process has.
    pub number: u64,
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Unit {
    changes: Changes,
    begun: Option<Begun>,
    on_commit: Vec<Hook>,
    /// The number of changed rows when a connection of SQLite was handed out, whose statements are not recorded.
    handed_out: Option<i64>,
}

impl fmt::Debug for UnitChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnitChanges").field(&self.lock().changes).finish()
    }
}

impl UnitChanges {
    fn lock(&self) -> MutexGuard<'_, Unit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known of the beginning of the transaction. `None` if none is open.
    pub fn begun(&self) -> Option<Begun> {
        self.lock().begun
    }

    /// Returns the changes so far.
    pub fn get(&self) -> Changes {
        let unit = self.lock();
        let mut changes = unit.changes.clone();
        changes.everything |= unit.handed_out.is_some();
        changes
    }

    /// Runs `work` after the commit, and never if the work is rolled back: as
    /// [`DbSession::on_commit`](crate::DbSession::on_commit), for code that has no unit of work at hand.
    pub fn on_commit(&self, work: impl FnOnce() + Send + 'static) {
        self.lock().on_commit.push(Box::new(work));
    }

    /// Returns the changes so far, given the number of rows that the connection has changed, if the database counts them.
    pub(crate) fn counted(&self, changed: impl FnOnce() -> QueryResult<Option<i64>>) -> QueryResult<Changes> {
        let (mut changes, before) = {
            let unit = self.lock();
            (unit.changes.clone(), unit.handed_out)
        };
        if let Some(before) = before {
            changes.everything |= changed()? != Some(before);
        }
        Ok(changes)
    }

    pub(crate) fn begin(&self, mark: u64) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        self.lock().begun = Some(Begun { mark, number: NUMBER.fetch_add(1, Ordering::Relaxed) });
    }

    /// Forgets a transaction that was committed. Returns the [hooks](Self::on_commit) to run: without changes, they wait for the next
    /// transaction of the unit of work.
    pub(crate) fn committed(&self) -> Vec<Hook> {
        let mut unit = self.lock();
        let has_changed = !unit.changes.is_empty() || unit.handed_out.is_some();
        let Unit { on_commit, .. } = std::mem::take(&mut *unit);
        if has_changed {
            return on_commit;
        }
        unit.on_commit = on_commit;
        Vec::new()
    }

    pub(crate) fn rolled_back(&self) {
        *self.lock() = Unit::default();
    }

    pub(crate) fn add(&self, effect: &Effect, row: Option<&(String, String)>) {
        if !effect.is_none() {
            self.lock().changes.add(effect, row);
        }
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn add_everything(&self) {
        self.lock().changes.everything = true;
    }

    /// Records that statements follow that are not recorded. `changed` is the number of rows that the connection has changed.
    #[cfg(feature = "sqlite")]
    pub(crate) fn hand_out(&self, changed: i64) {
        self.lock().handed_out.get_or_insert(changed);
    }
}
