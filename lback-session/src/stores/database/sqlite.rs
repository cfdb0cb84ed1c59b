//! Sessions in SQLite.
//!
//! Reads use the store's own connections, on the calling thread: a row by its key takes a few microseconds. All writes go to one
//! thread ([`writer`](super::writer)), which batches waiting writes into one transaction. So no request meets "database is locked",
//! and commits to the disk are shared.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lback_core::{Error, Result, blocking};
use lback_db::{Database, Db};

use super::expired;
use super::writer::{Lasting, Writer};
use crate::Durability;

/// Access to a SQLite file.
pub(super) struct Sqlite {
    database: Database,
    readers: Mutex<Vec<Db>>,
    pub(super) writer: Writer,
}

/// Maximum number of idle connections for reading.
const MAX_READERS: usize = 8;

impl Sqlite {
    pub(super) fn start(database: Database, durability: Durability) -> Result<Self> {
        Ok(Sqlite { writer: Writer::start(database.clone(), durability)?, readers: Mutex::default(), database })
    }

    /// Deletes up to `limit` expired sessions, as many as a short transaction can. Returns their number.
    pub(super) async fn delete_expired(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        let ids = blocking::in_place(|| self.read(|db| expired::find(db, now, limit)))?;
        self.writer.run(Lasting::AsSet, move |db| expired::delete(db, &ids, now)).await
    }

    /// Reads over one of the store's own connections, which are never held while waiting for something else.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.database.connect()?,
        };
        let result = read(&mut connection);
        // After an error the connection may be broken, so it is not reused.
        if result.is_ok() {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < MAX_READERS {
                readers.push(connection);
            }
        }
        result.map_err(|error| Error::unavailable("the session store cannot be read").with_source(super::Cause(error.into())))
    }
}
