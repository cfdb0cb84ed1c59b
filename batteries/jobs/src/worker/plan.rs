//! The work of a worker in one transaction.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::Result;
use lback_db::Db;

use super::Worker;
use crate::store::{self, Claimed, Claims, End};

/// The numbers of ended attempts, done and failed, by the names of the jobs.
pub(super) type Counts = BTreeMap<String, (i64, i64)>;

/// The work of one transaction.
pub(super) struct Plan {
    pub(super) worker: Arc<Worker>,
    pub(super) ends: Arc<Vec<(Claimed, End)>>,
    pub(super) counts: Counts,
    /// The schedules that are due.
    pub(super) scheduled: Vec<usize>,
    /// The jobs that this process has, if others are to be looked for.
    pub(super) find_lost: Option<HashSet<i64>>,
    pub(super) find_due: bool,
    pub(super) delete_old: bool,
    pub(super) turn: usize,
    /// The number of jobs to claim.
    pub(super) room: usize,
}

/// The results of a transaction.
pub(super) struct Found {
    pub(super) claims: Claims,
    /// Whether old rows are left.
    pub(super) has_old: bool,
    /// The time when the next job is due, if that was looked for.
    pub(super) next_due: Option<Option<DateTime<Utc>>>,
    /// The next times of the schedules that were due.
    pub(super) next_scheduled: Vec<(usize, Option<DateTime<Utc>>)>,
}

impl Plan {
    /// Carries it out in the transaction of `db`.
    pub(super) fn carry_out(&self, db: &mut Db) -> Result<Found> {
        let Worker { id, jobs, queues, .. } = &*self.worker;
        store::end_all(db, id, &self.ends)?;
        if let Some(own) = &self.find_lost {
            self.worker.end_lost(db, own)?;
        }
        let has_old = self.delete_old && !store::delete_old(db, jobs.settings().keep_failed())?;
        if self.find_due {
            store::make_due_ready(db)?;
        }
        let scheduled = self.scheduled.iter().filter_map(|&at| Some((at, jobs.schedules().get(at)?)));
        let next_scheduled = scheduled.map(|(at, schedule)| Ok((at, schedule.run(db)?))).collect::<Result<_>>()?;
        let claims = store::claim(db, id, queues, self.turn, self.room, self.worker.lease())?;
        let next_due = if self.find_due || claims.jobs.len() < self.room { Some(store::next_due(db)?) } else { None };
        // Last, as other processes wait for these rows.
        store::add_counts(db, &self.counts)?;
        Ok(Found { claims, has_old, next_due, next_scheduled })
    }
}

/// Adds numbers of ended attempts: done and failed.
pub(super) fn add(counts: &mut Counts, name: &str, (done, failed): (i64, i64)) {
    let count = counts.entry(name.to_owned()).or_default();
    *count = (count.0 + done, count.1 + failed);
}
