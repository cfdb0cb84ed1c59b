//! Sessions on a PostgreSQL server.
//!
//! A round trip to a server costs far more than the work it carries. With one statement per request, a server spends its time on
//! parsing, planning, committing and waking up, and hardly any on sessions. So requests queue their reads and writes, and wait without
//! holding a thread. A few threads, each with its own connection, take everything in the queue and send it together. While they wait
//! for the answer, the queue fills again: under load, many requests share a round trip and a commit, and a single request is never
//! delayed.
//!
//! * **Reads** ([`reader`]): two threads, or one on a single processor. Waiting loads become one `SELECT … WHERE id = ANY($1)`.
//! * **Writes** ([`writer`]): one thread. Waiting writes become one transaction ([`batch`]), with one statement each for all new, all
//!   saved, all renewed and all ended sessions. Each request gets its answer after the commit. If the connection is lost before the
//!   commit was sent, the batch is run again on a new one. If it is lost during the commit, the answer is an error, as it is unknown
//!   whether the commit took place.
//! * **Batches of saves only**, each of another session, are one statement without a transaction around it: one round trip instead of
//!   three. If the connection was idle, `BEGIN` goes first all the same, to find out whether the server is still there while nothing
//!   is at stake. If a connection that was not idle is lost, the statement is run again on a new one. It names the versions of the
//!   sessions, so it takes effect at most once, and a session that it finds unchanged was not written before.
//! * **Several writes to one session**, and saves for which another process was faster, follow in the same transaction: their rows are
//!   locked and read with one statement, the writes are applied one after another in memory, merged by rule 8, and the results are
//!   written with one more statement. So a session that many requests change at once costs no more than one that a single request
//!   changes.
//! * **A write that fails by itself** must not affect the others, and PostgreSQL aborts a whole transaction for one error. So the
//!   writes of a failed batch are run again, each in a transaction of its own, and only the cause of the failure fails again.
//! * **Locked rows.** A view that revokes sessions locks their rows until it ends. A batch waits for a row only briefly; then its
//!   writes are run one by one, and those whose rows are still locked go to a second thread (`Lane::Patient`), which waits for up to
//!   `DATABASE_BUSY_TIMEOUT_MS`. All others go on.
//! * **Order.** Each statement locks rows in the order of their ids, so that two processes hardly ever wait for each other. If they do,
//!   one gives up after the brief wait, and runs its writes one by one. Only plans that keep this order are allowed on these
//!   connections; they also stay fast while a table grows from nothing to millions of rows faster than its statistics.
//! * **A server that hangs.** Requests wait for it as long as a connection of the pool and a lock may take together, and are then
//!   answered with 503. Their reads and writes are not begun after that.

mod batch;
mod connection;
mod reader;
mod statements;
mod writer;

use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};
use lback_db::Database;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::batch::{Done, Op};
use self::reader::{Read, Reader};
use self::writer::Writer;
use crate::store::{Record, Save, Saved, SessionInfo, Update};
use crate::{Durability, SessionId};

/// Access to a PostgreSQL server.
pub(super) struct Postgres {
    reader: Reader,
    writer: Writer,
    patience: Duration,
}

/// The receiver of an answer.
type Reply<T> = oneshot::Sender<Result<T>>;

impl Postgres {
    pub(super) fn start(database: &Database, durability: Durability) -> Result<Self> {
        Ok(Postgres { reader: Reader::start(database)?, writer: Writer::start(database, durability)?, patience: database.patience() })
    }

    pub(super) async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        self.answer(|reply| self.reader.send(Read::Load(id, reply))).await
    }

    pub(super) async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        self.answer(|reply| self.reader.send(Read::ForUser(user_id, now, reply))).await
    }

    pub(super) async fn create(&self, record: Record) -> Result<()> {
        self.write(Op::Create(record)).await.map(drop)
    }

    pub(super) async fn update(&self, update: Update) -> Result<bool> {
        self.write(Op::Update(update)).await.map(|done| done.found())
    }

    pub(super) async fn has_ended(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        self.answer(|reply| self.reader.send(Read::HasEnded(id, now, reply))).await
    }

    pub(super) async fn end(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        self.write(Op::End { id, now }).await.map(|done| done.found())
    }

    pub(super) async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        self.write(Op::Renew { id, expires_at, now }).await.map(|done| done.found())
    }

    pub(super) async fn save(&self, save: Save) -> Result<Saved> {
        match self.write(Op::Save(Box::new(save))).await? {
            Done::Saved(saved) => Ok(saved),
            _ => Ok(Saved::Gone),
        }
    }

    pub(super) async fn end_user(&self, user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> Result<u64> {
        self.write(Op::EndUser { user_id, except, now }).await.map(|done| done.count())
    }

    pub(super) async fn delete_expired(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        self.write(Op::DeleteExpired { now, limit }).await.map(|done| done.count())
    }

    async fn write(&self, op: Op) -> Result<Done> {
        self.answer(|reply| self.writer.send(op, reply)).await
    }

    /// Waits for the answer, with a limit: a server may hang, and the thread that talks to it hangs, too.
    async fn answer<T>(&self, ask: impl FnOnce(Reply<T>)) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        ask(reply);
        let ended = |_| Error::unavailable("the thread that sends sessions to the database has ended");
        // A command waits outside of a runtime, without a limit.
        if Handle::try_current().is_err() {
            return answer.await.map_err(ended)?;
        }
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answer) => answer.map_err(ended)?,
            Err(_) => Err(Error::unavailable(format!("the session store did not answer within {:?}", self.patience))),
        }
    }
}
