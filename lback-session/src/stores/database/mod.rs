//! Sessions in the application's database.
//!
//! Reads go over connections of the store's own, on the thread that asks: a SQLite row by its key takes a few
//! microseconds. Writes of all requests go to one thread ([`writer`]), which joins those that wait into one transaction;
//! nobody meets "database is locked", and a commit to the disk is shared. Work that belongs to a request's open
//! transaction does not come here: it uses [`rows`] on the request's own connection.

pub(crate) mod rows;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};
use lback_db::{Database, Db};

use self::writer::Writer;
use crate::SessionId;
use crate::store::{Record, Save, Saved, SessionInfo, SessionStore, Update};

/// Keeps sessions in the table `sessions` of the application's database.
pub struct DatabaseStore {
    database: Database,
    readers: Arc<Mutex<Vec<Db>>>,
    writer: Writer,
}

/// Idle connections for reading that are kept.
const MAX_READERS: usize = 8;

impl DatabaseStore {
    /// Over this database.
    ///
    /// # Errors
    /// Where the thread that writes cannot be started.
    pub fn new(database: Database) -> Result<Self> {
        Ok(DatabaseStore { writer: Writer::start(database.clone())?, readers: Arc::default(), database })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Reads over one of the store's own connections, which nobody holds while waiting for something else.
    fn read<T>(&self, read: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.database.connect()?,
        };
        let result = read(&mut connection);
        // After an error the connection may be of no use: the next read opens its own.
        if result.is_ok() {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < MAX_READERS {
                readers.push(connection);
            }
        }
        result.map_err(|error| Error::unavailable("the session store cannot be read").with_source(Cause(error)))
    }
}

/// An [`Error`] as the cause of another.
#[derive(Debug)]
struct Cause(Error);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {}

impl SessionStore for DatabaseStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        self.read(|db| rows::load(db, id))
    }

    async fn create(&self, record: Record) -> Result<()> {
        self.writer.run(move |db| rows::create(db, &record)).await
    }

    async fn update(&self, update: Update) -> Result<bool> {
        self.writer.run(move |db| rows::update(db, &update)).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        self.writer.run(move |db| rows::delete(db, id)).await
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        self.writer.run(move |db| rows::renew(db, id, expires_at, now)).await
    }

    async fn save(&self, save: Save) -> Result<Saved> {
        self.writer.run(move |db| rows::save(db, &save)).await
    }

    async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        self.read(|db| rows::for_user(db, user_id, now))
    }

    async fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        self.writer.run(move |db| rows::revoke_user(db, user_id, except)).await
    }

    async fn delete_expired(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        self.writer.run(move |db| rows::delete_expired(db, now, limit)).await
    }
}
