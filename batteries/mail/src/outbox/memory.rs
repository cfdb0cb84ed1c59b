//! The outbox in the memory of the process, for applications without a database.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::{Claimed, Outcome};
use crate::MailMessage;

/// Maximum number of waiting mails.
const CAPACITY: usize = 1000;

#[derive(Default)]
pub(crate) struct MemoryOutbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    last_id: i64,
    rows: BTreeMap<i64, Row>,
}

struct Row {
    mail: MailMessage,
    attempts: u32,
    due_at: DateTime<Utc>,
}

impl MemoryOutbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of waiting mails.
    pub(crate) fn len(&self) -> usize {
        self.waiting().rows.len()
    }

    /// Returns whether there is no room for another mail.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= CAPACITY
    }

    pub(crate) fn push(&self, mails: Vec<MailMessage>, now: DateTime<Utc>) {
        let mut waiting = self.waiting();
        for mail in mails {
            waiting.last_id += 1;
            let id = waiting.last_id;
            waiting.rows.insert(id, Row { mail, attempts: 0, due_at: now });
        }
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.waiting().rows.values().map(|row| row.due_at).min()
    }

    pub(super) fn claim(&self, limit: i64, now: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Claimed> {
        let mut waiting = self.waiting();
        let due = waiting.rows.iter_mut().filter(|(_, row)| row.due_at <= now);
        let claimed = due.take(usize::try_from(limit).unwrap_or(0)).map(|(id, row)| {
            row.due_at = until;
            row.attempts += 1;
            Claimed { id: *id, mail: Some(row.mail.clone()), attempts: row.attempts }
        });
        claimed.collect()
    }

    pub(super) fn finish(&self, id: i64, outcome: Outcome) {
        let mut waiting = self.waiting();
        match outcome {
            Outcome::Again { due_at, .. } => {
                if let Some(row) = waiting.rows.get_mut(&id) {
                    row.due_at = due_at;
                }
            }
            Outcome::Sent | Outcome::GivenUp { .. } => drop(waiting.rows.remove(&id)),
        }
    }
}
