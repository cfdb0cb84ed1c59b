//! [`Cache`], the cache of an application.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lback_core::{Clock, Error, Result, blocking};
use lback_db::{Db, UnitChanges};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::changes::{Looker, Slot, Snapshot, of_table, seen_by};
use crate::flight::Flights;
use crate::store::{Meta, Store, Stored, TagMark};
use crate::{CacheEntry, CacheSettings};

/// The longest key, in bytes. Longer ones are replaced by their hash, so that visitors cannot make a page fail with a long word.
const MAX_KEY: usize = 200;

/// The time for which a request uses one look at the database. One that stays open, as for a WebSocket, looks again.
pub(crate) const ONE_LOOK: Duration = Duration::from_secs(1);

/// The cache of an application.
///
/// Views get it with [`req.cache()`](crate::RequestCache::cache). Commands, jobs and background tasks find it in the state:
///
/// ```no_run
/// # use lback::prelude::*;
/// use lback::cache::Cache;
///
/// fn refresh(job: &mut JobContext) -> Result<()> {
///     match job.app().state::<Cache>() {
///         Some(cache) => cache.remove("front"),
///         None => Ok(()),
///     }
/// }
/// ```
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Cache {
    pub(crate) inner: Arc<Inner>,
    pub(crate) view: View,
}

pub(crate) struct Inner {
    pub(crate) settings: CacheSettings,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) flights: Arc<Flights>,
    pub(crate) looker: Option<Arc<Looker>>,
    pub(crate) counts: Counts,
}

/// The numbers of values that were found and of those that were not.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) hits: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) misses: AtomicU64,
}

/// The request or the transaction that uses the cache.
#[derive(Clone, Default)]
pub(crate) struct View {
    /// The time since when a look at the database is recent enough for the request, as long as this process has made this number of
    /// commits: the request may have committed by itself, and wants to see that.
    pub(crate) since: Option<(Instant, u64)>,
    /// The changes that are not committed yet.
    pub(crate) unit: Option<UnitChanges>,
    /// `true` if all statements of the transaction see the same state of the database, which may be an older one.
    pub(crate) sees_one_state: bool,
    /// That state.
    pub(crate) seen: Option<Snapshot>,
}

impl View {
    /// Returns the unit of work, if it has changed the database and not committed yet.
    pub(crate) fn uncommitted(&self) -> Option<&UnitChanges> {
        self.unit.as_ref().filter(|unit| !unit.get().is_empty())
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("store", &self.inner.store.name()).finish_non_exhaustive()
    }
}

impl Cache {
    pub(crate) fn new(settings: CacheSettings, clock: Clock, store: Store, looker: Option<Arc<Looker>>) -> Self {
        let inner = Inner { settings, clock, store, flights: Arc::default(), looker, counts: Counts::default() };
        Cache { inner: Arc::new(inner), view: View::default() }
    }

    /// Returns the entry with this key, to be read or computed. See [`CacheEntry`].
    #[track_caller]
    pub fn entry<'k>(&self, key: impl Into<Cow<'k, str>>) -> CacheEntry<'k> {
        CacheEntry::new(self.clone(), key.into())
    }

    /// Returns the cache for work in the open transaction of `db`: `cache.on(job.db()?)`. Cached values do not hide its uncommitted
    /// changes, and values that are computed from them are not stored before the commit. Views do not need it.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    pub fn on(&self, db: &mut Db) -> Result<Cache> {
        let seen = if self.inner.looker.is_some() { seen_by(db)? } else { None };
        let view = View { since: None, unit: db.unit_changes(), sees_one_state: true, seen };
        Ok(Cache { inner: self.inner.clone(), view })
    }

    /// Returns the value of an entry, or `None` if there is none, or none of this type.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be read.
    #[track_caller]
    pub fn get<T: DeserializeOwned + Send + Sync + 'static>(&self, key: &str) -> Result<Option<Arc<T>>> {
        self.entry(key).get()
    }

    /// Stores a value until it is removed, or until there is no more room. [`entry`](Self::entry) has options.
    ///
    /// # Errors
    /// Returns 500 if the value is larger than `CACHE_MAX_VALUE_KB`, and 503 if the store cannot be written.
    #[track_caller]
    pub fn set<T: Serialize + Clone + Send + Sync + 'static>(&self, key: &str, value: &T) -> Result<()> {
        self.entry(key).set(value)
    }

    /// Removes an entry. With `CACHE_URL = "memory:"`, it is removed in this process.
    ///
    /// In a request, or [`on`](Self::on) a transaction, it is removed again after the commit, before the response leaves: another
    /// request may have computed it in the meantime from the rows as they were before the transaction.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written.
    pub fn remove(&self, key: &str) -> Result<()> {
        let key = self.inner.full_key(key).into_owned();
        self.now_and_with_commit(move |inner| {
            // What is being computed may be what was to be removed.
            inner.flights.detach(&key);
            inner.in_store(|store| store.remove(&key))
        })
    }

    /// Removes all entries with a [tag](CacheEntry::tag), as [`remove`](Self::remove) does with one.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written.
    pub fn remove_tag(&self, tag: &str) -> Result<()> {
        let tag = of_table(tag);
        self.now_and_with_commit(move |inner| inner.in_store(|store| store.remove_tag(tag)))
    }

    /// Removes all entries, as [`remove`](Self::remove) does with one.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written.
    pub fn clear(&self) -> Result<()> {
        self.now_and_with_commit(|inner| {
            inner.flights.detach_all();
            inner.in_store(Store::clear)
        })
    }

    fn now_and_with_commit(&self, work: impl Fn(&Inner) -> Result<()> + Send + 'static) -> Result<()> {
        work(&self.inner)?;
        if let Some(unit) = &self.view.unit {
            self.inner.with_commit(unit, work);
        }
        Ok(())
    }

    /// Returns the number of entries that were found, of those that were found although they were stale, and of those that were not.
    pub fn counts(&self) -> CacheCounts {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { hits, stale, misses } = &self.inner.counts;
        CacheCounts { hits: count(hits), stale: count(stale), misses: count(misses) }
    }
}

/// The numbers of values that were found and of those that were not, since the process has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheCounts {
    /// The number of values that were found.
    pub hits: u64,
    /// The number of stale values that were served while they were computed again.
    pub stale: u64,
    /// The number of values that were not found, or were out of date.
    pub misses: u64,
}

impl CacheCounts {
    /// Returns the share of values that were found, in percent. `None` if none was asked for.
    pub fn hit_rate(&self) -> Option<f64> {
        let (found, all) = (self.hits + self.stale, self.hits + self.stale + self.misses);
        // Only numbers above 2^53 lose digits.
        (all > 0).then(|| found as f64 * 100.0 / all as f64)
    }
}

impl Inner {
    /// Returns the key as the store knows it.
    pub(crate) fn full_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        let is_shared = self.store.blocks();
        // PostgreSQL stores no NUL.
        if key.len() <= MAX_KEY && !key.contains('\0') {
            return if is_shared { Cow::Owned(format!("{}{key}", self.settings.cache_prefix)) } else { Cow::Borrowed(key) };
        }
        let hash: String = Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Cow::Owned(format!("{}sha256:{hash}", if is_shared { &self.settings.cache_prefix } else { "" }))
    }

    /// Runs `work` with the store. If that may wait, connections that the thread serves move to another one.
    pub(crate) fn in_store<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        match self.store.blocks() {
            true => blocking::in_place(|| work(&self.store)),
            false => work(&self.store),
        }
    }

    /// Runs `work` after the commit.
    pub(crate) fn with_commit(self: &Arc<Self>, unit: &UnitChanges, work: impl FnOnce(&Inner) -> Result<()> + Send + 'static) {
        let inner = self.clone();
        unit.on_commit(move || {
            if let Err(error) = work(&inner) {
                tracing::error!(target: "lback::cache", %error, "the cache was not changed with a commit");
            }
        });
    }

    /// Returns the marks of tags.
    pub(crate) fn tag_marks(&self, tags: &[Slot]) -> Result<Vec<TagMark>> {
        if tags.is_empty() { Ok(Vec::new()) } else { self.in_store(|store| store.tag_marks(tags)) }
    }

    /// Returns what is stored under a key. A store that fails counts as empty, so that pages still work.
    pub(crate) fn find(&self, key: &str) -> Option<Arc<Stored>> {
        self.in_store(|store| store.get(key)).unwrap_or_else(|error| {
            tracing::warn!(target: "lback::cache", %error, "a value is computed, as the store cannot be read");
            None
        })
    }

    /// Returns what is kept of a value.
    pub(crate) fn stored<T: Serialize + Send + Sync + 'static>(&self, key: &str, meta: Meta, value: &Arc<T>) -> Result<Arc<Stored>> {
        let stored = self.store.stored(meta, value)?;
        if stored.length <= self.settings.max_value() {
            return Ok(Arc::new(stored));
        }
        let (length, max) = (stored.length / 1024, self.settings.cache_max_value_kb);
        Err(Error::internal(format!(
            "the value of \"{key}\" has {length} KB and is not cached, as a value may have {max} KB. Cache less, or raise CACHE_MAX_VALUE_KB"
        )))
    }
}
