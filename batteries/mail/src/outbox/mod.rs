//! The outbox: mail that waits to be sent.

mod database;
mod health;
mod memory;
mod page;

pub use database::{mail_outbox, tables};

use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::Result;
use lback_db::{Database, Db};

use crate::MailMessage;

pub(crate) use health::health;
pub(crate) use memory::MemoryOutbox;
pub(crate) use page::page;

/// How long a mail that was given up is kept for inspection.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The outbox: in the database if the application has one, and otherwise in the memory of the process.
pub(crate) enum Outbox {
    Database(Database),
    Memory(MemoryOutbox),
}

/// A mail that this process may send, until it is due again.
pub(crate) struct Claimed {
    pub(crate) id: i64,
    /// `None` if its stored form cannot be read.
    pub(crate) mail: Option<MailMessage>,
    /// The number of attempts, including this one.
    pub(crate) attempts: u32,
}

/// The result of the delivery of a claimed mail.
#[derive(Clone)]
pub(crate) enum Outcome {
    Sent,
    /// It is tried again.
    Again {
        due_at: DateTime<Utc>,
        error: String,
    },
    /// It is not tried again.
    GivenUp {
        now: DateTime<Utc>,
        error: String,
    },
}

impl Outbox {
    /// Returns when the next mail is due, or `None` if none waits.
    pub(crate) async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        match self {
            Outbox::Database(database) => database.run(database::next_due).await,
            Outbox::Memory(memory) => Ok(memory.next_due()),
        }
    }

    /// Claims up to `limit` due mails. No other worker gets them before `until`.
    pub(crate) async fn claim(&self, limit: i64, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Claimed>> {
        match self {
            Outbox::Database(database) => database.run_write(move |db| database::claim(db, limit, now, until)).await,
            Outbox::Memory(memory) => Ok(memory.claim(limit, now, until)),
        }
    }

    /// Records the result of a delivery.
    pub(crate) async fn finish(&self, id: i64, outcome: Outcome) -> Result<()> {
        match self {
            Outbox::Database(database) => database.run_write(move |db| database::finish(db, id, outcome)).await,
            Outbox::Memory(memory) => {
                memory.finish(id, outcome);
                Ok(())
            }
        }
    }
}

/// Adds mails in the transaction of this connection.
pub(crate) fn push_within(db: &mut Db, mails: &[MailMessage], now: DateTime<Utc>) -> Result<()> {
    database::push(db, mails, now)
}
