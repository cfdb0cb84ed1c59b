//! Sessions in the application's database: the engine.
//!
//! A request with a session spends most of its time waiting: for a thread, a lock, a disk, a network. The engine avoids waiting for
//! any of them twice.
//!
//! * **SQLite is read on the calling thread** ([`sqlite`]). A row by its key takes a few microseconds; handing that to another thread
//!   takes ten times as long. The store has its own connections for it, so that no session waits for views that keep the pool busy.
//! * **All writes go through one writer** ([`writer`] for SQLite, `postgres` for a server). It takes all waiting writes, writes them
//!   in one transaction, and answers each request after the commit. While one commit is on its way to the disk, the next writes are
//!   collected ([`batching`]). So all waiting requests share a commit, no two writers ever meet "database is locked", and a write that
//!   fails by itself fails alone.
//! * **Commits run no checkpoint**: a background thread does, and only the last pages are left to the writer
//!   (`lback-db/src/checkpoint`).
//! * **A save names the version that it is based on.** If another request was faster, the changes are applied again to what it has
//!   saved, in the same transaction (rule 8): no update is lost, and none is tried twice over a network.
//! * **A request that only reads writes at most once a second** for one session: its expiry (rule 9).
//! * **Requests to a server are batched** (`postgres`): loads that wait together are one query, and saves one statement.
//! * **Nothing is cached** between requests: another process may have revoked the session meanwhile.
//! * **Statements are prepared once** per connection ([`prepared`]). A row is found by a key of 16 bytes, and times are numbers. The
//!   index for the cleanup changes once an hour, not with each renewal, and a write that changes no indexed column updates no index.
//!
//! Work in a request's open transaction does not come here: it uses [`rows`] on the request's own connection, so that the session and
//! the view's rows are committed together, or neither.

mod batching;
mod expired;
#[cfg(feature = "postgres")]
mod postgres;
mod prepared;
pub(crate) mod rows;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod writer;

use std::fmt;

use chrono::{DateTime, Utc};
use lback_core::{Error, Result, StatusCode};
use lback_db::{Database, Kind};
#[cfg(feature = "sqlite")]
use writer::Lasting::{Always, AsSet};

use crate::store::{Record, Save, Saved, SessionInfo, SessionStore, Update};
use crate::{Durability, SessionId};

/// Keeps sessions in the table `sessions` of the application's database.
pub struct DatabaseStore {
    database: Database,
    engine: Engine,
}

impl fmt::Debug for DatabaseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseStore").field("database", &self.database).finish_non_exhaustive()
    }
}

enum Engine {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
}

impl DatabaseStore {
    /// Returns a store in this database.
    ///
    /// # Errors
    /// Returns an error if its thread cannot be started.
    pub fn new(database: Database, durability: Durability) -> Result<Self> {
        let engine = match database.kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => Engine::Sqlite(sqlite::Sqlite::start(database.clone(), durability)?),
            #[cfg(feature = "postgres")]
            Kind::Postgres => Engine::Postgres(postgres::Postgres::start(&database, durability)?),
        };
        Ok(DatabaseStore { database, engine })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

/// An [`Error`] as the source of another.
#[derive(Debug)]
struct Cause(std::sync::Arc<Error>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {}

/// Returns the error for a failed write: 503 if the database is unavailable, 500 if it refused.
fn unwritten(error: &Error) -> Error {
    let is_unavailable = error.status() == StatusCode::SERVICE_UNAVAILABLE || lback_db::is_unavailable(error);
    let status = if is_unavailable { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    Error::new(status, format!("the session could not be written: {error}"))
}

/// Evaluates an expression for the engine of each database.
macro_rules! engine {
    ($store:expr, $sqlite:ident => $with_sqlite:expr, $postgres:ident => $with_postgres:expr $(,)?) => {
        match &$store.engine {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite($sqlite) => $with_sqlite,
            #[cfg(feature = "postgres")]
            Engine::Postgres($postgres) => $with_postgres.await,
        }
    };
}

impl SessionStore for DatabaseStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        engine!(self, sqlite => sqlite.read(|db| rows::load(db, id)), postgres => postgres.load(id))
    }

    async fn create(&self, record: Record) -> Result<()> {
        engine!(self, sqlite => sqlite.writer.run(AsSet, move |db| rows::create(db, &record)).await, postgres => postgres.create(record))
    }

    async fn update(&self, update: Update) -> Result<bool> {
        engine!(self, sqlite => sqlite.writer.run(if update.rotates() { Always } else { AsSet }, move |db| rows::update(db, &update)).await, postgres => postgres.update(update))
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        self.end(id, Utc::now()).await
    }

    async fn end(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        engine!(self, sqlite => sqlite.writer.run(Always, move |db| rows::end(db, id, now)).await, postgres => postgres.end(id, now))
    }

    async fn has_ended(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        engine!(self, sqlite => sqlite.read(|db| rows::has_ended(db, id, now)), postgres => postgres.has_ended(id, now))
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        engine!(
            self,
            sqlite => sqlite.writer.run(AsSet, move |db| rows::renew(db, id, expires_at, now)).await,
            postgres => postgres.renew(id, expires_at, now),
        )
    }

    async fn save(&self, save: Save) -> Result<Saved> {
        engine!(self, sqlite => sqlite.writer.run(if save.may_rotate() { Always } else { AsSet }, move |db| rows::save(db, &save)).await, postgres => postgres.save(save))
    }

    async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        engine!(self, sqlite => sqlite.read(|db| rows::for_user(db, user_id, now)), postgres => postgres.for_user(user_id, now))
    }

    async fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        self.end_user(user_id, except, Utc::now()).await
    }

    async fn end_user(&self, user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> Result<u64> {
        engine!(
            self,
            sqlite => sqlite.writer.run(Always, move |db| rows::end_user(db, user_id, except, now)).await,
            postgres => postgres.end_user(user_id, except, now),
        )
    }

    async fn delete_expired(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        engine!(
            self,
            sqlite => sqlite.delete_expired(now, limit).await,
            postgres => postgres.delete_expired(now, limit),
        )
    }
}
