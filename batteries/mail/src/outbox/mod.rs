//! Mail that waits to be sent.

mod database;
mod memory;

pub use database::{mail_outbox, tables};

use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::Result;
use lback_db::{Database, Db};

use crate::MailMessage;

pub(crate) use memory::MemoryOutbox;

/// How long what was given up is kept, for somebody to look at.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Mail that waits: in the database where the application has one, and else in the memory of the process.
pub(crate) enum Outbox {
    Database(Database),
    Memory(MemoryOutbox),
}

/// A mail that is ours to send, until it is due again.
pub(crate) struct Claimed {
    pub(crate) id: i64,
    /// `None` where what is stored cannot be read.
    pub(crate) mail: Option<MailMessage>,
    /// How often it was tried, this time included.
    pub(crate) attempts: u32,
}

/// What became of a mail that was claimed.
#[derive(Clone)]
pub(crate) enum Outcome {
    Sent,
    /// It is to be tried again.
    Again {
        due_at: DateTime<Utc>,
        error: String,
    },
    /// It will not be tried again.
    GivenUp {
        now: DateTime<Utc>,
        error: String,
    },
}

impl Outbox {
    /// When the next mail is due; `None` where none waits.
    pub(crate) async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        match self {
            Outbox::Database(database) => database.run(database::next_due).await,
            Outbox::Memory(memory) => Ok(memory.next_due()),
        }
    }

    /// Takes at most `limit` mails that are due. Nobody else gets them before `until`.
    pub(crate) async fn claim(&self, limit: i64, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Claimed>> {
        match self {
            Outbox::Database(database) => database.run_write(move |db| database::claim(db, limit, now, until)).await,
            Outbox::Memory(memory) => Ok(memory.claim(limit, now, until)),
        }
    }

    /// Notes what became of a mail.
    pub(crate) async fn finish(&self, id: i64, outcome: Outcome) -> Result<()> {
        match self {
            Outbox::Database(database) => database.run_write(move |db| database::finish(db, id, outcome)).await,
            Outbox::Memory(memory) => {
                memory.finish(id, outcome);
                Ok(())
            }
        }
    }

    /// Writes mails in a transaction of their own.
    pub(crate) async fn push(&self, mails: Vec<MailMessage>, now: DateTime<Utc>) -> Result<()> {
        match self {
            Outbox::Database(database) => database.run_write(move |db| database::push(db, &mails, now)).await,
            Outbox::Memory(memory) => {
                memory.push(mails, now);
                Ok(())
            }
        }
    }
}

/// Writes mails in whatever transaction this connection is in.
pub(crate) fn push_within(db: &mut Db, mails: &[MailMessage], now: DateTime<Utc>) -> Result<()> {
    database::push(db, mails, now)
}
