//! Records the statements of a connection.

use std::any::TypeId;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::QueryResult;

use super::{ChangeRecorder, Effect, UnitChanges};
use crate::Db;
use crate::unit_of_work::run_guarded;

/// The most statements whose effects a connection remembers by their SQL.
const REMEMBERED: usize = 1024;

/// The recorder of a database, and the number of commits that it was asked about.
pub(crate) struct Recording {
    pub(crate) recorder: Arc<dyn ChangeRecorder>,
    pub(crate) commits: AtomicU64,
}

/// The recorded statements of a connection.
pub(crate) struct Tracking {
    recording: Arc<Recording>,
    unit: UnitChanges,
    by_type: HashMap<TypeId, Arc<Effect>>,
    by_sql: HashMap<u64, Arc<Effect>>,
    /// The table and the key of the only row that the next statements change.
    row: Option<(String, String)>,
    is_server: bool,
    is_paused: bool,
}

impl Tracking {
    pub(crate) fn new(recording: Arc<Recording>, is_server: bool) -> Self {
        Tracking {
            recording,
            unit: UnitChanges::default(),
            by_type: HashMap::new(),
            by_sql: HashMap::new(),
            row: None,
            is_server,
            is_paused: false,
        }
    }

    /// Records a statement whose SQL its type determines.
    pub(crate) fn add_type(&mut self, id: TypeId, sql: impl FnOnce() -> QueryResult<String>) -> QueryResult<()> {
        if self.is_paused {
            return Ok(());
        }
        let effect = match self.by_type.get(&id) {
            Some(effect) => effect.clone(),
            None => {
                let effect = Arc::new(Effect::of(&sql()?, self.is_server));
                self.by_type.insert(id, effect.clone());
                effect
            }
        };
        self.unit.add(&effect, self.row.as_ref());
        Ok(())
    }

    /// Records a statement.
    pub(crate) fn add_sql(&mut self, sql: &str) {
        if self.is_paused {
            return;
        }
        let mut hasher = DefaultHasher::new();
        sql.hash(&mut hasher);
        let hash = hasher.finish();
        let effect = match self.by_sql.get(&hash) {
            Some(effect) => effect.clone(),
            None => {
                let effect = Arc::new(Effect::of(sql, self.is_server));
                if self.by_sql.len() >= REMEMBERED {
                    self.by_sql.clear();
                }
                self.by_sql.insert(hash, effect.clone());
                effect
            }
        };
        self.unit.add(&effect, self.row.as_ref());
    }

    /// Records that anything may change.
    #[cfg(feature = "postgres")]
    pub(crate) fn add_everything(&self) {
        if !self.is_paused {
            self.unit.add_everything();
        }
    }

    /// Records that statements follow that are not recorded. `changed` is the number of rows that the connection has changed.
    #[cfg(feature = "sqlite")]
    pub(crate) fn hand_out(&self, changed: i64) {
        if !self.is_paused {
            self.unit.hand_out(changed);
        }
    }
}

/// The place of a connection for what it records; `None` if the database has no recorder.
type Place = Option<Box<Tracking>>;

impl Db {
    pub(crate) fn tracking(&mut self) -> &mut Place {
        crate::on_each!(self, connection => connection.tracking())
    }

    fn tracked(&self) -> Option<&Tracking> {
        crate::on_each!(self, connection => connection.tracked())
    }

    /// Records the statements from now on.
    pub(crate) fn track(&mut self, recording: &Arc<Recording>) {
        let is_server = self.kind().is_server();
        let place = self.tracking();
        if place.is_none() {
            *place = Some(Box::new(Tracking::new(recording.clone(), is_server)));
        }
    }

    /// Begins to record the changes of a unit of work.
    pub(crate) fn track_unit(&mut self, unit: &UnitChanges) {
        if let Some(tracking) = self.tracking() {
            unit.begin(tracking.recording.recorder.mark());
            tracking.unit = unit.clone();
            // A panic may have left them.
            tracking.row = None;
            tracking.is_paused = false;
        }
    }

    /// Forgets the changes of a transaction that was rolled back.
    pub(crate) fn forget_changes(&mut self) {
        if let Some(tracking) = self.tracking() {
            tracking.unit.rolled_back();
        }
    }

    /// Returns the changes of the open transaction, if they are recorded.
    pub fn unit_changes(&self) -> Option<UnitChanges> {
        self.tracked().map(|tracking| tracking.unit.clone())
    }

    /// Runs `work`, whose statements change only one row of a table, which `key` identifies.
    #[doc(hidden)]
    pub fn changing_row<T>(&mut self, table: &str, key: impl FnOnce() -> String, work: impl FnOnce(&mut Db) -> T) -> T {
        match self.tracking() {
            None => work(self),
            Some(tracking) => {
                tracking.row = Some((table.to_lowercase(), key()));
                let value = work(self);
                if let Some(tracking) = self.tracking() {
                    tracking.row = None;
                }
                value
            }
        }
    }

    /// Runs `work`, whose statements are not recorded.
    #[doc(hidden)]
    pub fn unrecorded<T>(&mut self, work: impl FnOnce(&mut Db) -> T) -> T {
        let pause = |pause: bool, db: &mut Db| db.tracking().as_mut().map(|tracking| std::mem::replace(&mut tracking.is_paused, pause));
        let before = pause(true, self);
        let value = work(self);
        pause(before.unwrap_or(false), self);
        value
    }

    /// Returns the SQL that tells of the changes, to be run with the commit.
    pub(crate) fn announcement(&mut self) -> QueryResult<Option<String>> {
        let Some(tracking) = self.tracking() else { return Ok(None) };
        let (unit, recorder) = (tracking.unit.clone(), tracking.recording.recorder.clone());
        let changes = unit.counted(|| self.total_changes())?;
        if changes.is_empty() {
            return Ok(None);
        }
        self.unrecorded(|db| recorder.statement(db, &changes))
    }

    /// Records the end of a transaction that was committed.
    pub(crate) fn announced(&mut self, has_changes: bool) {
        let Some(tracking) = self.tracking() else { return };
        if has_changes {
            tracking.recording.commits.fetch_add(1, Ordering::SeqCst);
        }
        run_guarded(tracking.unit.committed());
    }
}
