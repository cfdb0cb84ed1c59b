//! Values in the table `cache_entries` of the application's database.
//!
//! A request may hold SQLite's write lock, so values are written by a thread of their own, which waits for the lock. Until then,
//! reads find them here.

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
/// The time for which an entry without a time is kept, in seconds.
const LONGEST: i64 = 30 * 24 * 3600;
/// The maximum time that a command waits until everything is written.
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

/// The writes that wait, and those that are being sent.
#[derive(Default)]
struct Waiting {
    /// `true` if all rows are deleted before the writes.
    clears: bool,
    writes: Writes,
    bytes: usize,
    sending: Batch,
    is_closed: bool,
}

/// The writes of a transaction.
#[derive(Clone, Default)]
struct Batch {
    /// `true` if all rows are deleted before the writes.
    clears: bool,
    writes: Arc<Writes>,
}

/// Writes by their keys.
type Writes = HashMap<String, Write>;

/// A value to be written with its time, or `None` if the row is to be deleted.
type Write = Option<(Arc<Vec<u8>>, i64)>;

/// The time of the marks of tags, which no value has.
const NEVER: i64 = i64::MAX;

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

impl Waiting {
    /// Returns what the database will have under the key: `Some(None)` if nothing, and `None` if no write concerns it.
    fn find(&self, key: &str) -> Option<Option<Arc<Vec<u8>>>> {
        let find = |writes: &Writes, clears: bool| match writes.get(key) {
            Some(write) => Some(write.as_ref().map(|(bytes, _)| bytes.clone())),
            None => clears.then_some(None),
        };
        find(&self.writes, self.clears).or_else(|| find(&self.sending.writes, self.sending.clears))
    }

    /// Returns whether nothing waits to be sent.
    fn is_empty(&self) -> bool {
        self.writes.is_empty() && !self.clears
    }

    /// Returns whether everything is written.
    fn is_written(&self) -> bool {
        self.is_empty() && self.sending.writes.is_empty() && !self.sending.clears
    }

    /// Returns what waits, to be sent.
    fn send(&mut self) -> Batch {
        self.sending = Batch { clears: std::mem::take(&mut self.clears), writes: Arc::new(std::mem::take(&mut self.writes)) };
        self.bytes = 0;
        self.sending.clone()
    }

    /// Ends the sending.
    fn sent(&mut self, is_written: bool) {
        let Batch { clears, writes } = std::mem::take(&mut self.sending);
        // After a newer deletion of all rows, nothing of it matters.
        if is_written || self.clears {
            return;
        }
        self.clears = clears;
        // Deletions and marks are tried again. Values are computed again, and those before them are deleted.
        for (key, write) in &*writes {
            let again = write.clone().filter(|(_, expires_at)| *expires_at == NEVER);
            self.writes.entry(key.clone()).or_insert(again);
        }
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
        let waiting = self.shared.lock().find(key);
        if let Some(bytes) = waiting {
            return Ok(bytes);
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
        let expires_at = stored.meta.expires_at.map_or_else(|| chrono::Utc::now().timestamp() + LONGEST, |at| at / 1000);
        match encoding::encode(stored) {
            Ok(bytes) => self.write(key, Some((Arc::new(bytes), expires_at))),
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
        // A deletion or a mark is not dropped: without it, what was removed would be served.
        let is_value = write.as_ref().is_some_and(|(_, expires_at)| *expires_at != NEVER);
        if is_full && is_value {
            // The value before this one is not served.
            if let Some(waiting) = waiting.writes.get_mut(key) {
                *waiting = None;
            }
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

    /// Returns the mark of a tag: 0 if it was never removed.
    pub(super) fn tag_mark(&self, tag: Slot) -> Result<TagMark> {
        let bytes = self.bytes(&tag_key(tag))?;
        Ok(bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok()).unwrap_or(0))
    }

    pub(super) fn remove_tag(&self, tag: Slot) {
        let mark = Arc::new(new_mark().to_string().into_bytes());
        self.write(&tag_key(tag), Some((mark, NEVER)));
    }

    /// Waits until everything is written, for a few seconds at most.
    pub(super) fn flush(&self) {
        let mut waiting = self.shared.lock();
        let deadline = Instant::now() + LONGEST_FLUSH;
        while !waiting.is_written() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.shared.written.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn size(&self) -> Result<(u64, u64)> {
        let Size { rows, bytes } = self.read(Size::read)?;
        Ok((rows.unsigned_abs(), bytes.unsigned_abs()))
    }
}

/// Returns the key of a tag's mark. Those of entries begin with CACHE_PREFIX, which has no space.
fn tag_key(tag: Slot) -> String {
    format!(" tag:{tag}")
}

/// Writes what waits, until the store is dropped.
fn write_all(shared: &Shared) {
    let mut connection = None;
    let mut waiting = shared.lock();
    loop {
        if waiting.is_empty() {
            if waiting.is_closed {
                return;
            }
            waiting = shared.woken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let batch = waiting.send();
        drop(waiting);
        let result = write(shared, &mut connection, &batch);
        waiting = shared.lock();
        waiting.sent(result.is_ok());
        match result {
            Ok(()) => shared.written.notify_all(),
            Err(error) => {
                connection = None;
                tracing::warn!(target: "lback::cache", %error, "values cannot be written to the database");
                if waiting.is_closed {
                    return;
                }
                waiting = shared.woken.wait_timeout(waiting, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

fn write(shared: &Shared, connection: &mut Option<Db>, batch: &Batch) -> Result<()> {
    let db = match connection {
        Some(db) => db,
        None => connection.insert(shared.database.connect()?),
    };
    db.transaction(|db| -> QueryResult<()> {
        if batch.clears {
            diesel::delete(cache_entries::table).execute(db)?;
        }
        // In the order of their keys, so that two processes do not wait for each other.
        let mut writes: Vec<(&String, &Write)> = batch.writes.iter().collect();
        writes.sort_unstable_by_key(|(key, _)| *key);
        for (key, write) in writes {
            match write {
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

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    rows: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    bytes: i64,
}

impl Size {
    fn read(db: &mut Db) -> QueryResult<Self> {
        let sql = "SELECT count(*) AS \"rows\", CAST(coalesce(sum(length(value)), 0) AS BIGINT) AS bytes FROM cache_entries";
        db.unrecorded(|db| diesel::sql_query(sql).get_result(db))
    }
}

/// Returns the time before which rows are deleted: now, or later if there are more than `most` bytes. `None` if there is nothing to
/// delete.
pub(super) fn limit(db: &mut Db, now: i64, most: i64) -> QueryResult<Option<i64>> {
    let expired = cache_entries::table.filter(cache_entries::expires_at.lt(now));
    let has_expired: bool = diesel::select(diesel::dsl::exists(expired)).get_result(db)?;
    let Size { rows, bytes } = Size::read(db)?;
    if bytes <= most {
        return Ok(has_expired.then_some(now));
    }
    // Those that expire first go, down to nine tenths of the room.
    let excess = i128::from(bytes - most / 10 * 9);
    let excess_rows = i64::try_from(i128::from(rows) * excess / i128::from(bytes)).unwrap_or(rows);
    let last = cache_entries::table.order(cache_entries::expires_at).select(cache_entries::expires_at);
    let last: Option<i64> = last.offset(excess_rows).first(db).optional()?;
    Ok(Some(last.map_or(NEVER, |last| now.max(last.saturating_add(1)))))
}

/// Deletes rows that expire before a time. The marks of tags do not expire.
pub(super) fn delete_before(db: &mut Db, limit: i64) -> QueryResult<usize> {
    let old = cache_entries::table.filter(cache_entries::expires_at.lt(limit)).filter(cache_entries::expires_at.lt(NEVER));
    diesel::delete(old).execute(db)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::sync::{Arc, Condvar, Mutex};

    use diesel::connection::SimpleConnection;
    use lback_db::DbSettings;

    use super::{Database, DatabaseStore, MOST_WAITING, NEVER, Shared, Waiting, delete_before, limit};

    const TABLES: &str = include_str!("../../migrations/sqlite/00000000000060_create_cache/up.sql");

    /// Returns a database with the tables, in a folder that must outlive it.
    fn database() -> (Database, tempfile::TempDir) {
        let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
        let database = Database::open(&DbSettings::default(), folder.path()).unwrap();
        database.connect().unwrap().batch_execute(TABLES).unwrap();
        (database, folder)
    }

    #[test]
    fn removals_are_not_dropped_if_too_much_waits() {
        let (database, _folder) = database();
        // No thread writes what waits.
        let shared = Shared { database, waiting: Mutex::default(), woken: Condvar::new(), written: Condvar::new() };
        let store = DatabaseStore { shared: Arc::new(shared), readers: std::array::from_fn(|_| Mutex::default()) };
        for number in 0..=MOST_WAITING {
            store.write(&format!("key {number}"), Some((Arc::default(), 5)));
        }
        store.remove("key 1");
        store.remove_tag(7);
        let has = |number: usize| store.bytes(&format!("key {number}")).unwrap().is_some();
        assert_eq!([has(0), has(1), has(MOST_WAITING)], [true, false, false]);
        assert_ne!(store.tag_mark(7).unwrap(), 0);
    }

    #[test]
    fn what_was_removed_is_not_found_again() {
        let bytes = Arc::new(b"x".to_vec());
        let mut waiting = Waiting::default();
        waiting.writes.insert("value".to_owned(), Some((bytes.clone(), 5)));
        waiting.writes.insert("mark".to_owned(), Some((bytes.clone(), NEVER)));
        waiting.writes.insert("deleted".to_owned(), None);
        assert_eq!(waiting.find("other"), None);
        waiting.send();
        assert_eq!(waiting.find("value"), Some(Some(bytes.clone())));
        waiting.sent(false);
        assert_eq!(["value", "mark", "deleted"].map(|key| waiting.find(key)), [Some(None), Some(Some(bytes)), Some(None)]);
        // All rows are deleted while others are written.
        waiting.clears = true;
        waiting.send();
        waiting.clears = true;
        waiting.sent(true);
        assert_eq!(waiting.find("value"), Some(None));
        assert!(!waiting.is_written());
    }

    #[test]
    fn values_that_expire_first_make_room() {
        let (database, _folder) = database();
        let mut db = database.connect().unwrap();
        let rows = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
            INSERT INTO cache_entries SELECT 'key ' || n, zeroblob(1000), 1000 + n FROM n";
        db.batch_execute(rows).unwrap();
        db.batch_execute("INSERT INTO cache_entries VALUES (' tag:1', '5', 9223372036854775807)").unwrap();
        assert_eq!(limit(&mut db, 1000, 200_000).unwrap(), None);
        assert_eq!(limit(&mut db, 1011, 200_000).unwrap(), Some(1011));
        let before = limit(&mut db, 1000, 50_000).unwrap().unwrap();
        let deleted = delete_before(&mut db, before).unwrap();
        assert!((50..=60).contains(&deleted), "{deleted}");
        assert_eq!(limit(&mut db, 1000, 50_000).unwrap(), None);
        // Marks of tags stay, however little room there is.
        let before = limit(&mut db, 1000, 0).unwrap().unwrap();
        delete_before(&mut db, before).unwrap();
        assert_eq!(delete_before(&mut db, i64::MAX).unwrap(), 0);
        assert_eq!(limit(&mut db, 1000, 1).unwrap(), None);
    }
}
