//! Decides which values a request may take from the cache and store there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lback_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::CacheEntry;
use crate::cache::{Cache, ONE_LOOK};
use crate::changes::{Looker, Slot, Snapshot, concern};
use crate::flight::Lead;
use crate::panel;
use crate::store::{Meta, Stored, TagMark};

/// The access of a request to an entry.
#[derive(Default)]
pub(super) struct Access {
    /// `true` if it may take a value.
    pub(super) may_read: bool,
    /// The changes that its computation sees at least; `None` if what it computes is not stored.
    seen: Option<Option<Snapshot>>,
    /// The marks of the tags before the computation.
    marks: Vec<TagMark>,
}

impl Access {
    /// The access to an entry without dependencies.
    pub(super) fn free() -> Self {
        Access { may_read: true, seen: Some(None), marks: Vec::new() }
    }
}

/// A stored value, by its age.
pub(super) enum Found<T> {
    Fresh(Arc<T>),
    /// Its time is over, but not for long.
    Stale(Arc<T>),
    Nothing,
}

/// The result of a request for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Hit,
    Stale,
    Miss,
}

impl Cache {
    /// Returns the looker, if there are dependencies, and the time since when a look is recent enough.
    pub(super) fn looks_for(&self, slots: &[Slot]) -> Option<(Arc<Looker>, Instant)> {
        if slots.is_empty() {
            return None;
        }
        let looker = self.inner.looker.clone()?;
        let (now, commits) = (Instant::now(), looker.database().recorded_commits());
        let is_recent = |(since, before): &(Instant, u64)| *before == commits && now.duration_since(*since) < ONE_LOOK;
        let since = self.view.since.filter(is_recent).map_or(now, |(since, _)| since);
        Some((looker, since.checked_sub(self.inner.settings.look_age()).unwrap_or(since)))
    }
}

impl CacheEntry<'_> {
    /// Returns the access of this request, after a look at the database.
    pub(super) fn access(&self, looked: Result<Snapshot>) -> Access {
        let view = &self.cache.view;
        let (Ok(snapshot), Some(looker)) = (looked, &self.cache.inner.looker) else { return Access::default() };
        if view.uncommitted().is_some_and(|unit| concern(&looker.knowledge, &unit.get(), &self.slots)) {
            return Access::default();
        }
        let begun = view.unit.as_ref().and_then(lback_db::UnitChanges::begun);
        let seen = match (view.sees_one_state, &view.seen, begun) {
            (true, Some(seen), _) => Some(seen.clone()),
            // The transaction has begun since, and may see less than the look.
            (true, None, Some(begun)) if !looker.database().kind().is_server() => {
                Some(Snapshot::up_to(i64::try_from(begun.mark).unwrap_or_default()))
            }
            (true, None, Some(_)) => None,
            _ => Some(snapshot),
        };
        Access { may_read: true, seen: seen.map(Some), marks: Vec::new() }
    }

    /// Adds the marks of the tags. If they cannot be read, nothing is stored.
    pub(super) fn with_marks(&self, mut access: Access, marks: Result<Vec<TagMark>>) -> Access {
        match marks {
            Ok(marks) => access.marks = marks,
            Err(_) => access.seen = None,
        }
        access
    }

    pub(super) fn meta(&self, access: &Access) -> Meta {
        let now = || self.cache.inner.clock.now().timestamp_millis();
        let stale_at = self.ttl.map(|ttl| later(now(), ttl));
        Meta {
            version: self.version,
            stale_at,
            expires_at: stale_at.map(|at| later(at, self.stale_for)),
            slots: self.slots.as_slice().into(),
            seen: access.seen.clone().flatten(),
            tags: self.tags.iter().copied().zip(access.marks.iter().copied()).collect(),
        }
    }

    /// Returns the value to be stored now. `None` if it is stored with the commit, or not at all.
    pub(super) fn to_store<T>(&self, access: &Access, key: &str, value: &Arc<T>, lead: &Lead) -> Option<Arc<Stored>>
    where
        T: Serialize + Send + Sync + 'static,
    {
        access.seen.as_ref()?;
        let cache = &self.cache;
        let stored = cache.inner.stored(&self.key, self.meta(access), value);
        let stored = stored.inspect_err(|error| tracing::warn!(target: "lback::cache", "{error}")).ok()?;
        let Some(unit) = cache.view.uncommitted() else { return Some(stored) };
        // The computation may have changed what the value depends on.
        if !self.slots.is_empty() {
            let is_concerned = cache.inner.looker.as_ref().is_none_or(|looker| concern(&looker.knowledge, &unit.get(), &self.slots));
            return (!is_concerned).then_some(stored);
        }
        // It may have been computed from changes that are rolled back.
        if lead.is_current() {
            let (inner, key, removals) = (cache.inner.clone(), key.to_owned(), cache.inner.flights.removals());
            unit.on_commit(move || {
                if inner.flights.removals() == removals {
                    inner.store_or_warn(&key, &stored);
                }
            });
        }
        None
    }

    /// Returns the value that was found, if it may be served.
    pub(super) fn find<T: DeserializeOwned + Send + Sync + 'static>(&self, key: &str, stored: Option<Arc<Stored>>) -> Found<T> {
        let Some(stored) = stored else { return Found::Nothing };
        let Meta { version, stale_at, expires_at, slots, seen, tags } = &stored.meta;
        let inner = &self.cache.inner;
        if *version != self.version {
            return Found::Nothing;
        }
        let mut is_stale = false;
        if let Some(stale_at) = stale_at {
            let now = inner.clock.now().timestamp_millis();
            if expires_at.is_some_and(|at| now >= at) {
                return Found::Nothing;
            }
            is_stale = now >= *stale_at;
        }
        // A value with dependencies is not trusted if this call does not look for changes.
        if self.slots.is_empty() && !slots.is_empty() {
            return Found::Nothing;
        }
        if !self.slots.is_empty() {
            let Some((looker, seen)) = inner.looker.as_ref().zip(seen.as_ref()) else { return Found::Nothing };
            let log = looker.knowledge.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !log.is_current(seen, slots) || !log.is_current(seen, &self.slots) {
                return Found::Nothing;
            }
        }
        if !tags.is_empty() {
            let names: Vec<Slot> = tags.iter().map(|(tag, _)| *tag).collect();
            let marks = inner.tag_marks(&names).unwrap_or_default();
            if marks.len() != tags.len() || marks.iter().zip(tags.iter()).any(|(mark, (_, stored))| mark != stored) {
                return Found::Nothing;
            }
        }
        let Some(value) = stored.get::<T>() else {
            tracing::debug!(target: "lback::cache", key, "the stored value is of another type");
            return Found::Nothing;
        };
        if is_stale { Found::Stale(value) } else { Found::Fresh(value) }
    }

    /// Returns the value that was found, if it is fresh.
    pub(super) fn fresh<T: DeserializeOwned + Send + Sync + 'static>(&self, key: &str, stored: Option<Arc<Stored>>) -> Option<Arc<T>> {
        match self.find(key, stored) {
            Found::Fresh(value) => {
                self.count(Outcome::Hit);
                Some(value)
            }
            Found::Stale(_) | Found::Nothing => None,
        }
    }

    pub(super) fn count(&self, outcome: Outcome) {
        let counts = &self.cache.inner.counts;
        let count = match outcome {
            Outcome::Hit => &counts.hits,
            Outcome::Stale => &counts.stale,
            Outcome::Miss => &counts.misses,
        };
        count.fetch_add(1, Ordering::Relaxed);
        panel::record(&self.key, outcome, self.place);
    }
}

/// Returns a time in milliseconds, later by this.
fn later(at: i64, by: Duration) -> i64 {
    at.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
}
