//! Values in Redis.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lback_core::{Error, Result};
use redis::{Client, Commands, Connection, RedisResult};

use super::{Stored, TagMark, encoding, new_mark};
use crate::changes::Slot;

/// The number of connections.
const CONNECTIONS: usize = 4;
/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// The time for which an entry without a time is kept, in seconds.
const LONGEST: u64 = 30 * 24 * 3600;

pub(crate) struct RedisStore {
    client: Client,
    prefix: String,
    patience: Duration,
    connections: [Mutex<Option<Connection>>; CONNECTIONS],
    /// The time until which Redis is not asked again after a failure, so that other requests do not wait as long.
    down_until: Mutex<Option<Instant>>,
}

impl RedisStore {
    pub(super) fn new(client: Client, prefix: &str, patience: Duration) -> Self {
        let prefix = prefix.to_owned();
        RedisStore { client, prefix, patience, connections: std::array::from_fn(|_| Mutex::default()), down_until: Mutex::default() }
    }

    fn key(&self, key: &str) -> String {
        format!("{}cache:{key}", self.prefix)
    }

    fn tags(&self) -> String {
        format!("{}cache-tags", self.prefix)
    }

    /// Runs `work` on a connection, and again on a new one if that was lost: servers close idle connections.
    fn run<T>(&self, work: impl Fn(&mut Connection) -> RedisResult<T>) -> Result<T> {
        let free = self.connections.iter().find_map(|connection| connection.try_lock().ok());
        let mut place = free.unwrap_or_else(|| self.connections[0].lock().unwrap_or_else(PoisonError::into_inner));
        if self.lock_down().is_some_and(|until| Instant::now() < until) {
            return Err(Error::unavailable("Redis has just failed, and is not asked again for half a second"));
        }
        if let Some(connection) = &mut *place {
            match work(connection) {
                Err(error) if error.is_connection_dropped() => *place = None,
                Err(error) => {
                    *place = None;
                    return Err(self.failed(&error));
                }
                Ok(value) => return Ok(value),
            }
        }
        let result = self.connect().and_then(|mut connection| {
            let value = work(&mut connection)?;
            *place = Some(connection);
            Ok(value)
        });
        result.map_err(|error| self.failed(&error))
    }

    fn lock_down(&self) -> MutexGuard<'_, Option<Instant>> {
        self.down_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: &redis::RedisError) -> Error {
        *self.lock_down() = Some(Instant::now() + PAUSE);
        Error::unavailable(format!("Redis is unavailable: {error}. Check that the server of CACHE_URL runs and accepts the password"))
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(self.patience)?;
        connection.set_read_timeout(Some(self.patience))?;
        connection.set_write_timeout(Some(self.patience))?;
        Ok(connection)
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Arc<Stored>>> {
        let bytes: Option<Vec<u8>> = self.run(|redis| redis.get(self.key(key)))?;
        Ok(bytes.and_then(|bytes| encoding::decode(&bytes)).map(Arc::new))
    }

    pub(super) fn set(&self, key: &str, stored: &Arc<Stored>) -> Result<()> {
        let bytes = encoding::encode(stored)?;
        let left = stored.meta.expires_at.map(|at| at - chrono::Utc::now().timestamp_millis());
        // The clock of a test may be any.
        let seconds = left.and_then(|left| u64::try_from(left / 1000 + 1).ok()).unwrap_or(LONGEST).clamp(1, LONGEST);
        self.run(|redis| redis.set_ex(self.key(key), bytes.as_slice(), seconds))
    }

    pub(super) fn remove(&self, key: &str) -> Result<()> {
        self.run(|redis| redis.del(self.key(key)))
    }

    pub(super) fn clear(&self) -> Result<()> {
        let pattern = format!("{}cache:*", escaped(&self.prefix));
        self.run(|redis| {
            let mut cursor = 0_u64;
            loop {
                let (next, keys): (u64, Vec<Vec<u8>>) =
                    redis::cmd("SCAN").arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000).query(redis)?;
                if !keys.is_empty() {
                    redis.unlink::<_, ()>(keys)?;
                }
                cursor = next;
                if cursor == 0 {
                    return Ok(());
                }
            }
        })
    }

    pub(super) fn tag_marks(&self, tags: &[Slot]) -> Result<Vec<TagMark>> {
        let found: Vec<Option<TagMark>> = self.run(|redis| redis::cmd("HMGET").arg(self.tags()).arg(tags).query(redis))?;
        let marks = tags.iter().zip(found).map(|(tag, mark)| match mark {
            Some(mark) => Ok(mark),
            // The first to come gives the tag its mark.
            None => self.run(|redis| {
                redis.hset_nx::<_, _, _, ()>(self.tags(), tag, new_mark())?;
                redis.hget(self.tags(), tag)
            }),
        });
        marks.collect()
    }

    pub(super) fn remove_tag(&self, tag: Slot) -> Result<()> {
        self.run(|redis| redis.hset(self.tags(), tag, new_mark()))
    }

    /// Checks that Redis answers.
    pub(super) fn check(&self) -> Result<()> {
        self.run(|redis| redis::cmd("PING").query(redis))
    }
}

/// Returns the text with the signs of patterns escaped.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if "*?[]\\^".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}
