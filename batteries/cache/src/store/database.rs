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
/// How long an entry without a time is kept, in seconds.
const LONGEST: i64 = 30 * 24 * 3600;
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
        if is_full && write.is_some() {
            // The value before this one is not served.
            if let Some(waiting) = waiting.writes.get_mut(key) {
                *waiting = None;
            }
            return;
        }
        // A deletion is not dropped: without it, what was removed would be served.
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
        self.write(&tag_key(tag), Some((mark, i64::MAX)));
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
    Ok(Some(last.map_or(i64::MAX, |last| now.max(last.saturating_add(1)))))
}

/// Deletes rows that expire before a time. The marks of tags do not expire.
pub(super) fn delete_before(db: &mut Db, limit: i64) -> QueryResult<usize> {
    let old = cache_entries::table.filter(cache_entries::expires_at.lt(limit)).filter(cache_entries::expires_at.lt(i64::MAX));
    diesel::delete(old).execute(db)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use diesel::connection::SimpleConnection;
    use lback_db::DbSettings;

    use super::{Database, delete_before, limit};

    const TABLES: &str = include_str!("../../migrations/sqlite/00000000000060_create_cache/up.sql");

    #[test]
    fn values_that_expire_first_make_room() {
        let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
        let database = Database::open(&DbSettings::default(), folder.path()).unwrap();
        let mut db = database.connect().unwrap();
        db.batch_execute(TABLES).unwrap();
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
