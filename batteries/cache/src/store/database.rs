//! Values in the table `cache_entries` of the application's database.
//!
//! A request may hold SQLite's write lock, so values are written by a thread of their own, which waits for the lock. What waits to be
//! written is found here meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use lback_core::Result;
use lback_db::{Database, Db};

use super::{Stored, TagMark, encoding, new_mark};
use crate::changes::Slot;

diesel::table! {
    /// Cached values.
    cache_entries (key) {
        /// The key.
        key -> Text,
        /// The value, after a line about it.
        value -> Binary,
        /// The time after which the row can be deleted, in seconds since 1970.
        expires_at -> BigInt,
    }
}

/// The number of connections for reading.
const READERS: usize = 4;
/// The most values that wait to be written; others are dropped.
const MOST_WAITING: usize = 10_000;
/// The most bytes of values that wait to be written.
const MOST_BYTES: usize = 64 << 20;
/// The pause after a failed write.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a command waits until everything is written.
const LONGEST_FLUSH: Duration = Duration::from_secs(10);

pub(crate) struct DatabaseStore {
    shared: Arc<Shared>,
    readers: [Mutex<Option<Db>>; READERS],
}

struct Shared {
    database: Database,
    waiting: Mutex<Waiting>,
    woken: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// The writes by their keys; `None` deletes.
    writes: HashMap<String, Write>,
    bytes: usize,
    /// The writes that are being sent.
    sending: Arc<HashMap<String, Write>>,
    clears: bool,
    is_closed: bool,
}

/// A value to be written with its time, or `None` if the row is to be deleted.
type Write = Option<(Arc<Vec<u8>>, i64)>;

impl Drop for DatabaseStore {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.woken.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DatabaseStore {
    pub(super) fn open(database: &Database) -> Result<Self> {
        let shared =
            Arc::new(Shared { database: database.clone(), waiting: Mutex::default(), woken: Condvar::new(), written: Condvar::new() });
        let writer = shared.clone();
        thread::Builder::new().name("lback-cache-writer".to_owned()).spawn(move || write_all(&writer))?;
        Ok(DatabaseStore { shared, readers: std::array::from_fn(|_| Mutex::default()) })
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Arc<Stored>>> {
        Ok(self.bytes(key)?.and_then(|bytes| encoding::decode(&bytes)).map(Arc::new))
    }

    fn bytes(&self, key: &str) -> Result<Option<Arc<Vec<u8>>>> {
        {
            let waiting = self.shared.lock();
            if let Some(write) = waiting.writes.get(key) {
                return Ok(write.as_ref().map(|(bytes, _)| bytes.clone()));
            }
            if waiting.clears {
                return Ok(None);
            }
            if let Some(write) = waiting.sending.get(key) {
                return Ok(write.as_ref().map(|(bytes, _)| bytes.clone()));
            }
        }
        let found: Option<Vec<u8>> = self.read(|db| cache_entries::table.find(key).select(cache_entries::value).first(db).optional())?;
        Ok(found.map(Arc::new))
    }

    /// Runs `work` on one of the connections for reading.
    fn read<T>(&self, work: impl FnOnce(&mut Db) -> QueryResult<T>) -> Result<T> {
        let free = self.readers.iter().find_map(|reader| reader.try_lock().ok());
        let mut reader = free.unwrap_or_else(|| self.readers[0].lock().unwrap_or_else(PoisonError::into_inner));
        let db = match &mut *reader {
            Some(db) => db,
            None => reader.insert(self.shared.database.connect()?),
        };
        let result = work(db);
        if result.is_err() {
            *reader = None;
        }
        Ok(result?)
    }

    pub(super) fn set(&self, key: &str, stored: &Arc<Stored>) {
        // The time of the clock in the tests may be any; rows are deleted by that of the system.
        let lifetime = stored.meta.expires_at.map_or(i64::MAX, |at| at / 1000);
        match encoding::encode(stored) {
            Ok(bytes) => self.write(key, Some((Arc::new(bytes), lifetime))),
            Err(error) => tracing::error!(target: "lback::cache", %error, "a value cannot be stored"),
        }
    }

    pub(super) fn remove(&self, key: &str) {
        self.write(key, None);
    }

    fn write(&self, key: &str, write: Write) {
        let mut waiting = self.shared.lock();
        let length = write.as_ref().map_or(0, |(bytes, _)| bytes.len());
        let is_full = waiting.writes.len() >= MOST_WAITING || waiting.bytes + length > MOST_BYTES;
        // A deletion is not dropped: without it, what was removed would be served.
        if is_full && write.is_some() && !waiting.writes.contains_key(key) {
            return;
        }
        waiting.bytes += length;
        waiting.writes.insert(key.to_owned(), write);
        drop(waiting);
        self.shared.woken.notify_one();
    }

    pub(super) fn clear(&self) {
        let mut waiting = self.shared.lock();
        waiting.writes.clear();
        waiting.bytes = 0;
        waiting.clears = true;
        drop(waiting);
        self.shared.woken.notify_one();
    }

    pub(super) fn tag_mark(&self, tag: Slot) -> Result<TagMark> {
        let key = tag_key(tag);
        if let Some(mark) = self.bytes(&key)?.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok()) {
            return Ok(mark);
        }
        Ok(self.new_tag_mark(&key))
    }

    pub(super) fn remove_tag(&self, tag: Slot) {
        self.new_tag_mark(&tag_key(tag));
    }

    fn new_tag_mark(&self, key: &str) -> TagMark {
        let mark = new_mark();
        self.write(key, Some((Arc::new(mark.to_string().into_bytes()), i64::MAX)));
        mark
    }

    /// Waits until everything is written, for a few seconds at most.
    pub(super) fn flush(&self) {
        let mut waiting = self.shared.lock();
        let deadline = Instant::now() + LONGEST_FLUSH;
        while waiting.clears || !waiting.writes.is_empty() || !waiting.sending.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.shared.written.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn size(&self) -> Result<(u64, u64)> {
        #[derive(QueryableByName)]
        struct Size {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            rows: i64,
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            bytes: i64,
        }
        let sql = "SELECT count(*) AS \"rows\", CAST(coalesce(sum(length(value)), 0) AS BIGINT) AS bytes FROM cache_entries";
        let Size { rows, bytes } = self.read(|db| diesel::sql_query(sql).get_result(db))?;
        Ok((rows.unsigned_abs(), bytes.unsigned_abs()))
    }
}

fn tag_key(tag: Slot) -> String {
    format!("tag:{tag}")
}

/// Writes what waits, until the store is dropped.
fn write_all(shared: &Shared) {
    let mut connection = None;
    let mut waiting = shared.lock();
    loop {
        if waiting.writes.is_empty() && !waiting.clears {
            if waiting.is_closed {
                return;
            }
            waiting = shared.woken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let (writes, clears) = (Arc::new(std::mem::take(&mut waiting.writes)), waiting.clears);
        waiting.bytes = 0;
        waiting.sending = writes.clone();
        drop(waiting);
        let result = write(shared, &mut connection, &writes, clears);
        waiting = shared.lock();
        waiting.sending = Arc::default();
        match result {
            Ok(()) => {
                waiting.clears &= !clears;
                shared.written.notify_all();
            }
            Err(error) => {
                connection = None;
                tracing::warn!(target: "lback::cache", %error, "values cannot be written to the database");
                // Deletions are tried again. Values are computed again.
                for (key, write) in writes.iter().filter(|(_, write)| write.is_none()) {
                    waiting.writes.entry(key.clone()).or_insert_with(|| write.clone());
                }
                if waiting.is_closed {
                    return;
                }
                waiting = shared.woken.wait_timeout(waiting, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

fn write(shared: &Shared, connection: &mut Option<Db>, writes: &HashMap<String, Write>, clears: bool) -> Result<()> {
    let db = match connection {
        Some(db) => db,
        None => connection.insert(shared.database.connect()?),
    };
    db.transaction(|db| -> QueryResult<()> {
        if clears {
            diesel::delete(cache_entries::table).execute(db)?;
        }
        // In the order of their keys, so that two processes do not wait for each other.
        let mut keys: Vec<&String> = writes.keys().collect();
        keys.sort_unstable();
        for key in keys {
            match writes.get(key).and_then(Option::as_ref) {
                None => diesel::delete(cache_entries::table.find(key)).execute(db)?,
                Some((bytes, expires_at)) => {
                    let set = (cache_entries::value.eq(bytes.as_slice()), cache_entries::expires_at.eq(expires_at));
                    diesel::insert_into(cache_entries::table)
                        .values((cache_entries::key.eq(key), set))
                        .on_conflict(cache_entries::key)
                        .do_update()
                        .set(set)
                        .execute(db)?
                }
            };
        }
        Ok(())
    })?;
    shared.database.committed(db, 1);
    Ok(())
}

/// Returns whether there are rows whose time is over.
pub(super) fn has_old(db: &mut Db, now: i64) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(cache_entries::table.filter(cache_entries::expires_at.lt(now)))).get_result(db)
}

/// Deletes rows whose time is over.
pub(super) fn delete_old(db: &mut Db, now: i64) -> QueryResult<usize> {
    diesel::delete(cache_entries::table.filter(cache_entries::expires_at.lt(now))).execute(db)
}
