//! Sessions on a PostgreSQL server.
//!
//! A round trip to a server costs far more than the work it carries: asked one by one, a server is busy with parsing,
//! planning, committing and waking up, and hardly with sessions. So requests do not ask it. They put down what they want
//! and wait without holding a thread; a few threads, each with a connection of its own, take whatever has gathered and
//! ask for all of it at once. While they wait for the answer the next requests gather: the more there are, the more share
//! a round trip and a commit, and a single one waits for nobody.
//!
//! * **Reading** ([`reader`]): two threads, or one where there is one processor. The loads that wait become one
//!   `SELECT … WHERE id = ANY($1)`.
//! * **Writing** ([`writer`]): one thread. What waits becomes one transaction ([`batch`]), with one statement for all new
//!   sessions, one for all that are saved, one for all that are renewed, and one for all that end. Each request has its
//!   answer after the commit, and not before. If the connection is lost before the commit was asked for, all of it is done once
//!   more on a new one. If it is lost meanwhile, the answer is an error: nobody can know whether the commit took place.
//! * **Nothing but saves**, each of another session: then one statement is the transaction, one round trip instead of three.
//!   Where the connection has idled `BEGIN` goes first all the same: it finds out whether the server is still there before
//!   anything is at stake. Where it has not, and is lost all the same, the statement is run once more on a new one: it names
//!   the versions of the sessions, so it takes effect once at most, and what it finds unchanged has not been written before.
//! * **Several writes to one session**, and saves that came too late because another process was faster, are done in the
//!   same transaction after the others: their rows are locked and read with one statement, the writes are done one after
//!   another in memory, merging as rule 8 says, and the outcomes are written with one statement more. So a session that
//!   many requests change at once costs no more than one that a single request changes.
//! * **What fails by itself** must not take the others along, and PostgreSQL gives up a whole transaction for one error.
//!   So the writes of a batch that failed are done again, each in a transaction of its own. The one to blame fails again,
//!   alone.
//! * **Rows that others hold.** A view that revokes sessions holds their rows until it ends. A batch waits for a row only
//!   a moment; then its writes are done one by one, and those that still find their rows held are handed to a second
//!   thread (`Lane::Patient` there), which waits as long as `DATABASE_BUSY_TIMEOUT_MS` allows. Everybody else goes on.
//! * **Order.** Each statement locks rows in the order of their ids, so that two processes hardly ever wait for each other; where
//!   they do, one gives up after that moment, and does its writes one by one. The plans
//!   that keep this order are the only ones allowed on these connections; they are also the ones that stay fast while a
//!   table grows from nothing to millions of rows faster than its statistics.
//! * **A server that hangs** answers nobody. Requests wait for it as long as a connection of the pool and a lock may take
//!   together, and are answered with 503 then; what they wanted is not begun after that.

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

/// The store's way to a PostgreSQL server.
pub(super) struct Postgres {
    reader: Reader,
    writer: Writer,
    patience: Duration,
}

/// Where the answer to a request goes.
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

    /// Waits for the answer, but not for ever: a server may hang, and the thread that asked it hangs with it.
    async fn answer<T>(&self, ask: impl FnOnce(Reply<T>)) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        ask(reply);
        let ended = |_| Error::unavailable("the thread that speaks to the database for sessions has ended");
        // A command waits outside of any runtime, as long as it takes.
        if Handle::try_current().is_err() {
            return answer.await.map_err(ended)?;
        }
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answer) => answer.map_err(ended)?,
            Err(_) => Err(Error::unavailable(format!("the session store did not answer within {:?}", self.patience))),
        }
    }
}
