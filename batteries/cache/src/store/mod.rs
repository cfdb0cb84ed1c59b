//! The stores of values: memory, the database and Redis.

mod database;
mod encoding;
mod memory;
#[cfg(feature = "redis")]
mod redis;

use std::any::Any;
use std::sync::Arc;

use lback_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::database::DatabaseStore;
use self::memory::MemoryStore;
#[cfg(feature = "redis")]
use self::redis::RedisStore;
use crate::changes::{Slot, Snapshot};

pub(crate) use self::database::cache_entries;

/// The value of a tag when an entry was stored. If it is another one, the tag was removed.
pub(crate) type TagMark = u64;

/// The properties of a stored value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) version: u32,
    /// The time from which on it is stale, in milliseconds since 1970.
    pub(crate) stale_at: Option<i64>,
    /// The time from which on it is not used at all.
    pub(crate) expires_at: Option<i64>,
    pub(crate) slots: Box<[Slot]>,
    /// The changes that its computation saw, if it depends on the database.
    pub(crate) seen: Option<Snapshot>,
    pub(crate) tags: Box<[(Slot, TagMark)]>,
}

/// A value with what is known of it.
pub(crate) struct Stored {
    pub(crate) meta: Meta,
    pub(crate) value: Value,
    /// The length as JSON, in bytes.
    pub(crate) length: usize,
}

pub(crate) enum Value {
    /// As the computation returned it, in an `Arc<T>`.
    Typed(Box<dyn Any + Send + Sync>),
    /// As JSON.
    Json(Box<[u8]>),
}

impl Stored {
    /// Returns the value, if it is a `T`.
    pub(crate) fn get<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        match &self.value {
            Value::Typed(value) => value.downcast_ref::<Arc<T>>().cloned(),
            Value::Json(json) => serde_json::from_slice(json).ok().map(Arc::new),
        }
    }
}

/// The store that `CACHE_URL` names.
pub(crate) enum Store {
    Memory(MemoryStore),
    Database(Box<DatabaseStore>),
    #[cfg(feature = "redis")]
    Redis(Box<RedisStore>),
}

impl Store {
    pub(crate) fn memory(bytes: u64) -> Self {
        Store::Memory(MemoryStore::new(bytes))
    }

    pub(crate) fn database(database: &lback_db::Database) -> Result<Self> {
        Ok(Store::Database(Box::new(DatabaseStore::open(database)?)))
    }

    #[cfg(feature = "redis")]
    pub(crate) fn redis(client: ::redis::Client, prefix: &str, patience: std::time::Duration) -> Self {
        Store::Redis(Box::new(RedisStore::new(client, prefix, patience)))
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Store::Memory(_) => "memory",
            Store::Database(_) => "database",
            #[cfg(feature = "redis")]
            Store::Redis(_) => "Redis",
        }
    }

    /// Returns whether its methods may wait for a network or a disk.
    pub(crate) fn blocks(&self) -> bool {
        !matches!(self, Store::Memory(_))
    }

    /// Returns what is kept of a value.
    ///
    /// # Errors
    /// Returns an error if it cannot be written as JSON.
    pub(crate) fn stored<T: Serialize + Send + Sync + 'static>(&self, meta: Meta, value: &Arc<T>) -> Result<Stored> {
        Ok(match self {
            Store::Memory(_) => Stored { meta, value: Value::Typed(Box::new(value.clone())), length: encoding::length(&**value)? },
            _ => {
                let json = serde_json::to_vec(&**value)?.into_boxed_slice();
                Stored { meta, length: json.len(), value: Value::Json(json) }
            }
        })
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Arc<Stored>>> {
        match self {
            Store::Memory(store) => Ok(store.get(key)),
            Store::Database(store) => store.get(key),
            #[cfg(feature = "redis")]
            Store::Redis(store) => store.get(key),
        }
    }

    pub(crate) fn set(&self, key: &str, stored: &Arc<Stored>) -> Result<()> {
        match self {
            Store::Memory(store) => store.set(key, stored),
            Store::Database(store) => store.set(key, stored),
            #[cfg(feature = "redis")]
            Store::Redis(store) => return store.set(key, stored),
        }
        Ok(())
    }

    pub(crate) fn remove(&self, key: &str) -> Result<()> {
        match self {
            Store::Memory(store) => store.remove(key),
            Store::Database(store) => store.remove(key),
            #[cfg(feature = "redis")]
            Store::Redis(store) => return store.remove(key),
        }
        Ok(())
    }

    pub(crate) fn clear(&self) -> Result<()> {
        match self {
            Store::Memory(store) => store.clear(),
            Store::Database(store) => store.clear(),
            #[cfg(feature = "redis")]
            Store::Redis(store) => return store.clear(),
        }
        Ok(())
    }

    /// Returns the marks of tags.
    pub(crate) fn tag_marks(&self, tags: &[Slot]) -> Result<Vec<TagMark>> {
        match self {
            Store::Memory(store) => Ok(tags.iter().map(|tag| store.tag_mark(*tag)).collect()),
            Store::Database(store) => tags.iter().map(|tag| store.tag_mark(*tag)).collect(),
            #[cfg(feature = "redis")]
            Store::Redis(store) => store.tag_marks(tags),
        }
    }

    /// Gives a tag another mark, so that all entries with the tag are gone.
    pub(crate) fn remove_tag(&self, tag: Slot) -> Result<()> {
        match self {
            Store::Memory(store) => store.remove_tag(tag),
            Store::Database(store) => store.remove_tag(tag),
            #[cfg(feature = "redis")]
            Store::Redis(store) => return store.remove_tag(tag),
        }
        Ok(())
    }

    /// Waits until everything is written.
    pub(crate) fn flush(&self) {
        if let Store::Database(store) = self {
            store.flush();
        }
    }

    /// Returns the number of entries and of their bytes, if the store knows them.
    pub(crate) fn size(&self) -> Result<Option<(u64, u64)>> {
        match self {
            Store::Memory(store) => Ok(Some(store.size())),
            Store::Database(store) => store.size().map(Some),
            #[cfg(feature = "redis")]
            Store::Redis(store) => store.check().map(|()| None),
        }
    }
}

/// Returns a mark that no other has.
pub(crate) fn new_mark() -> TagMark {
    use std::hash::{BuildHasher, RandomState};
    // 53 bits, which JSON keeps in every language.
    (RandomState::new().hash_one(std::time::SystemTime::now()) >> 11) | 1
}

/// Deletes rows of the database whose time is over, and those that expire first if all take more than `most` bytes.
pub(crate) fn shrink(database: &lback_db::Database, most: i64) -> Result<()> {
    let now = chrono::Utc::now().timestamp();
    // An idle database is not written to.
    match database.read(|db| Ok(database::limit(db, now, most)?))? {
        Some(limit) => database.write(|db| Ok(database::delete_before(db, limit).map(drop)?)),
        None => Ok(()),
    }
}
