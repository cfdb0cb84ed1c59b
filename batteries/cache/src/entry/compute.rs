//! Reads a value, or computes it once for all requests that need it.

use std::sync::Arc;
use std::time::Instant;

use lback_core::{Error, Result, blocking};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::CacheEntry;
use super::access::{Access, Found, Outcome};
use crate::cache::Inner;
use crate::changes::Slot;
use crate::flight::{End, Flight, Lead, Role};
use crate::store::{Stored, TagMark};

/// The next step of a request to get a value.
enum Next<T> {
    /// Looks into the store.
    Find,
    /// Another request computes the value.
    Wait(Arc<Flight>),
    Take(Arc<T>),
    /// Computes the value for all that wait for it.
    Compute(Lead),
    /// Computes the value for this request only.
    ComputeAlone,
}

impl<T> Next<T> {
    fn first(access: &Access) -> Self {
        if access.may_read { Next::Find } else { Next::ComputeAlone }
    }
}

impl<'k> CacheEntry<'k> {
    /// Returns the value, or computes and stores it. `compute` may use the request.
    ///
    /// It blocks while another request computes the value. Async views call [`get_or_set_async`](Self::get_or_set_async).
    ///
    /// # Errors
    /// Returns the errors of `compute`, and 500 if the entry depends on a table whose changes are not recorded. If the store cannot be
    /// used, the value is computed.
    pub fn get_or_set<T>(self, compute: impl FnOnce() -> Result<T>) -> Result<Arc<T>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.get_or_set_shared(|| Ok((compute()?, true)))
    }

    /// As [`get_or_set`](Self::get_or_set). What `compute` returns with `false` is not stored.
    pub(crate) fn get_or_set_shared<T>(mut self, compute: impl FnOnce() -> Result<(T, bool)>) -> Result<Arc<T>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.check()?;
        let inner = &self.cache.inner;
        let key = inner.full_key(&self.key);
        let access = match self.cache.looks_for(&self.slots) {
            None => Access::free(),
            Some((looker, since)) => self.access(looker.look(since)),
        };
        let (mut next, mut deadline) = (Next::first(&access), None);
        let lead = loop {
            next = match next {
                Next::Find => self.next(&key, inner.find(&key)),
                Next::Wait(flight) => self.after(&key, flight.wait(*deadline.get_or_insert_with(|| inner.deadline()))),
                Next::Take(value) => return Ok(value),
                Next::Compute(lead) => break lead,
                Next::ComputeAlone => {
                    self.count(Outcome::Miss);
                    return Ok(Arc::new(compute()?.0));
                }
            };
        };
        // Another request may have stored it in between.
        if let Some(value) = self.fresh(&key, inner.find(&key)) {
            return Ok(value);
        }
        self.count(Outcome::Miss);
        self.check_tables()?;
        let access = self.with_marks(access, inner.tag_marks(&self.tags));
        let (value, is_shared) = compute()?;
        let value = Arc::new(value);
        match is_shared.then(|| self.to_store(&access, &key, &value, &lead)).flatten() {
            Some(stored) => {
                if lead.is_current() {
                    inner.store_or_warn(&key, &stored);
                }
                inner.finish(lead, &key, &stored);
            }
            None => lead.share_nothing(),
        }
        Ok(value)
    }

    /// As [`get_or_set`](Self::get_or_set), for async code. A computation that uses the request is an `async move` block.
    ///
    /// # Errors
    /// As `get_or_set`.
    pub fn get_or_set_async<T, F>(self, compute: F) -> impl Future<Output = Result<Arc<T>>> + use<'k, T, F>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Future<Output = Result<T>>,
    {
        self.get_or_set_shared_async(async move { Ok((compute.await?, true)) })
    }

    /// As [`get_or_set_async`](Self::get_or_set_async). What `compute` returns with `false` is not stored.
    pub(crate) async fn get_or_set_shared_async<T>(mut self, compute: impl Future<Output = Result<(T, bool)>>) -> Result<Arc<T>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.check()?;
        if let Some(value) = self.at_hand() {
            return Ok(value);
        }
        // Boxed, so that a hit carries no room for a computation.
        Box::pin(self.compute_async(compute)).await
    }

    /// Returns the value if it is fresh, and found without waiting for a store or the database.
    fn at_hand<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let inner = &self.cache.inner;
        if inner.store.blocks() || !self.slots.is_empty() {
            return None;
        }
        let key = inner.full_key(&self.key);
        self.fresh(&key, inner.find(&key))
    }

    async fn compute_async<T>(self, compute: impl Future<Output = Result<(T, bool)>>) -> Result<Arc<T>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let inner = &self.cache.inner;
        let key = inner.full_key(&self.key);
        let access = match self.cache.looks_for(&self.slots) {
            None => Access::free(),
            Some((looker, since)) => self.access(looker.look_async(since).await),
        };
        let (mut next, mut deadline) = (Next::first(&access), None);
        let lead = loop {
            next = match next {
                Next::Find => self.next(&key, find_async(inner, &key).await),
                Next::Wait(flight) => {
                    let deadline = *deadline.get_or_insert_with(|| inner.deadline());
                    self.after(&key, flight.wait_async(deadline).await)
                }
                Next::Take(value) => return Ok(value),
                Next::Compute(lead) => break lead,
                Next::ComputeAlone => {
                    self.count(Outcome::Miss);
                    return Ok(Arc::new(compute.await?.0));
                }
            };
        };
        if let Some(value) = self.fresh(&key, find_async(inner, &key).await) {
            return Ok(value);
        }
        self.count(Outcome::Miss);
        self.check_tables()?;
        let access = self.with_marks(access, tag_marks_async(inner, &self.tags).await);
        let (value, is_shared) = compute.await?;
        let value = Arc::new(value);
        match is_shared.then(|| self.to_store(&access, &key, &value, &lead)).flatten() {
            Some(stored) => {
                if lead.is_current() {
                    store_async(inner, &key, &stored).await;
                }
                inner.finish(lead, &key, &stored);
            }
            None => lead.share_nothing(),
        }
        Ok(value)
    }

    /// Returns the next step, given the stored value.
    fn next<T: DeserializeOwned + Send + Sync + 'static>(&self, key: &str, stored: Option<Arc<Stored>>) -> Next<T> {
        let stale = match self.find(key, stored) {
            Found::Fresh(value) => {
                self.count(Outcome::Hit);
                return Next::Take(value);
            }
            Found::Stale(value) => Some(value),
            Found::Nothing => None,
        };
        match (self.cache.inner.flights.join(key), stale) {
            (Role::Leader(lead), _) => Next::Compute(lead),
            (Role::Follower(_), Some(stale)) => {
                self.count(Outcome::Stale);
                Next::Take(stale)
            }
            (Role::Follower(flight), None) => Next::Wait(flight),
        }
    }

    /// Returns the next step after waiting for another request. `end` is `None` if that has taken too long.
    fn after<T: DeserializeOwned + Send + Sync + 'static>(&self, key: &str, end: Option<End>) -> Next<T> {
        match end {
            // It may be older than this request.
            Some(End::Value(stored)) => self.fresh(key, Some(stored)).map_or(Next::Find, Next::Take),
            Some(End::Nothing) => Next::Find,
            Some(End::NotShared) | None => Next::ComputeAlone,
        }
    }

    /// Returns the value, or `None` if it is missing or out of date.
    ///
    /// # Errors
    /// Returns 500 if the entry depends on a table whose changes are not recorded.
    pub fn get<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Result<Option<Arc<T>>> {
        self.check()?;
        let key = self.cache.inner.full_key(&self.key).into_owned();
        let stored = self.cache.inner.find(&key);
        self.extend_slots(stored.as_ref());
        let access = match self.cache.looks_for(&self.slots) {
            None => Access::free(),
            Some((looker, since)) => self.access(looker.look(since)),
        };
        Ok(self.found(&key, stored, &access))
    }

    /// As [`get`](Self::get), for async code.
    ///
    /// # Errors
    /// As `get`.
    pub async fn get_async<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Result<Option<Arc<T>>> {
        self.check()?;
        let key = self.cache.inner.full_key(&self.key).into_owned();
        let stored = find_async(&self.cache.inner, &key).await;
        self.extend_slots(stored.as_ref());
        let access = match self.cache.looks_for(&self.slots) {
            None => Access::free(),
            Some((looker, since)) => self.access(looker.look_async(since).await),
        };
        Ok(self.found(&key, stored, &access))
    }

    /// Adds the dependencies of the stored value, which is checked even if this call names none.
    fn extend_slots(&mut self, stored: Option<&Arc<Stored>>) {
        self.slots.extend(stored.iter().flat_map(|stored| stored.meta.slots.iter().copied()));
    }

    fn found<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        key: &str,
        stored: Option<Arc<Stored>>,
        access: &Access,
    ) -> Option<Arc<T>> {
        let value = self.fresh(key, stored.filter(|_| access.may_read));
        if value.is_none() {
            self.count(Outcome::Miss);
        }
        value
    }

    /// Stores a value that does not depend on the database. If the request has changed the database, it is stored with the commit.
    ///
    /// # Errors
    /// Returns 500 if the value is larger than `CACHE_MAX_VALUE_KB`, or the entry has dependencies: only
    /// [`get_or_set`](Self::get_or_set) knows what its computation saw. Returns 503 if the store cannot be written.
    pub fn set<T: Serialize + Clone + Send + Sync + 'static>(mut self, value: &T) -> Result<()> {
        self.check()?;
        if !self.slots.is_empty() {
            let remedy = "Write get_or_set(|| …), whose computation it watches";
            return Err(Error::internal(format!("the entry \"{}\" has dependencies, so a value cannot be set. {remedy}", self.key)));
        }
        let inner = &self.cache.inner;
        let key = inner.full_key(&self.key).into_owned();
        let access = self.with_marks(Access::free(), Ok(inner.tag_marks(&self.tags)?));
        let stored = inner.stored(&self.key, self.meta(&access), &Arc::new(value.clone()))?;
        let set = move |inner: &Inner| {
            inner.flights.detach(&key);
            inner.in_store(|store| store.set(&key, &stored))
        };
        match self.cache.view.uncommitted() {
            None => set(inner),
            Some(unit) => {
                inner.with_commit(unit, set);
                Ok(())
            }
        }
    }
}

impl Inner {
    /// Returns the time until which a request that begins to wait now waits for another one.
    fn deadline(&self) -> Instant {
        Instant::now() + self.settings.wait()
    }

    pub(super) fn store_or_warn(&self, key: &str, stored: &Arc<Stored>) {
        if let Err(error) = self.in_store(|store| store.set(key, stored)) {
            tracing::warn!(target: "lback::cache", %error, "a value cannot be stored");
        }
    }

    /// Hands a stored value to those who wait. If its key was removed while it was stored, it is removed as well.
    fn finish(&self, lead: Lead, key: &str, stored: &Arc<Stored>) {
        if !lead.finish(stored)
            && let Err(error) = self.in_store(|store| store.remove(key))
        {
            tracing::warn!(target: "lback::cache", %error, "a value cannot be removed");
        }
    }
}

async fn find_async(inner: &Arc<Inner>, key: &str) -> Option<Arc<Stored>> {
    if !inner.store.blocks() {
        return inner.find(key);
    }
    let (inner, key) = (inner.clone(), key.to_owned());
    blocking::on_thread(move || inner.find(&key)).await.ok().flatten()
}

async fn store_async(inner: &Arc<Inner>, key: &str, stored: &Arc<Stored>) {
    if !inner.store.blocks() {
        return inner.store_or_warn(key, stored);
    }
    let (inner, key, stored) = (inner.clone(), key.to_owned(), stored.clone());
    // Otherwise the server is stopping.
    let _ = blocking::on_thread(move || inner.store_or_warn(&key, &stored)).await;
}

async fn tag_marks_async(inner: &Arc<Inner>, tags: &[Slot]) -> Result<Vec<TagMark>> {
    if tags.is_empty() || !inner.store.blocks() {
        return inner.tag_marks(tags);
    }
    let (inner, tags) = (inner.clone(), tags.to_vec());
    blocking::on_thread(move || inner.tag_marks(&tags)).await?
}
