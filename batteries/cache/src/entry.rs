//! [`CacheEntry`], a value in the cache with its options.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lback_core::{Error, Result, blocking};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::{Cache, Inner};
use crate::changes::{Slot, Snapshot, concern, is_recorded, of_all_rows, of_row, of_table};
use crate::flight::{End, Role};
use crate::panel;
use crate::store::{Meta, Stored, TagMark};

/// A value in the cache, which is computed if it is missing or out of date.
///
/// ```
/// use std::time::Duration;
///
/// use lback::cache::RequestCache;
/// use lback::prelude::*;
///
/// #[derive(Model, Clone, Debug, serde::Serialize, serde::Deserialize)]
/// pub struct Post {
///     pub id: i64,
///     pub title: String,
/// }
///
/// fn front(req: &mut Request) -> Result<String> {
///     let entry = req.cache()?.entry("front").depends_on::<Post>();
///     let posts = entry.get_or_set(|| Post::objects().all(req.db()?))?;
///     Ok(format!("{} posts", posts.len()))
/// }
///
/// async fn weather(req: &mut Request) -> Result<String> {
///     let entry = req.cache()?.entry("weather").ttl(Duration::from_secs(600)).stale_for(Duration::from_secs(3600));
///     let weather = entry.get_or_set_async(async { Ok("sunny".to_owned()) }).await?;
///     Ok(weather.to_string())
/// }
/// # let app = App::new(Router::new().get("/weather", weather));
/// # let client = lback::testing::Client::with_settings(app.cache(), "SESSION_TIMEOUT_MINUTES = 30");
/// # assert_eq!(client.get("/weather").send().text(), "sunny");
/// # let _ = front;
/// ```
///
/// Requests that need the same value at the same time wait for one computation. If it fails or is given up, one of those who wait
/// computes the value.
///
/// Without [`ttl`](Self::ttl), a value is kept until it is out of date by its [dependencies](Self::depends_on_table), until it is
/// removed, or until there is no more room.
#[must_use = "an entry does nothing until it is read or stored"]
pub struct CacheEntry<'k> {
    cache: Cache,
    key: Cow<'k, str>,
    ttl: Option<Duration>,
    stale_for: Duration,
    version: u32,
    slots: Vec<Slot>,
    /// The tables that it depends on.
    tables: Vec<String>,
    tags: Vec<Slot>,
    wrong: Option<Error>,
}

impl fmt::Debug for CacheEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheEntry").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a request may take from the cache, and store there.
#[derive(Default)]
pub(crate) struct Access {
    /// Whether it may take a value.
    may_read: bool,
    /// What its computation sees at least; `None` if what it computes is not stored.
    seen: Option<Option<Snapshot>>,
    /// The marks of the tags before the computation.
    marks: Vec<TagMark>,
}

/// What was found.
enum Found<T> {
    Fresh(Arc<T>),
    /// Its time is over, but not for long.
    Stale(Arc<T>),
    Nothing,
}

impl<'k> CacheEntry<'k> {
    pub(crate) fn new(cache: Cache, key: Cow<'k, str>) -> Self {
        CacheEntry {
            cache,
            key,
            ttl: None,
            stale_for: Duration::ZERO,
            version: 0,
            slots: Vec::new(),
            tables: Vec::new(),
            tags: Vec::new(),
            wrong: None,
        }
    }

    /// Sets how long the value is used, by the application's clock.
    pub fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// Sets how long the value is still served after its [time](Self::ttl), while one request computes it again.
    ///
    /// This is not for values that are out of date by their dependencies: these are never served.
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.stale_for = time;
        self
    }

    /// Sets the version of what the value is made of. A value with another version is not used: raise it when a new release of the
    /// application computes another value, or stores it in another form.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Gives the entry a tag: [`remove_tag`](Cache::remove_tag) removes all entries with it.
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(of_table(tag));
        self
    }

    /// Declares that the value is made from rows of this table. It is out of date as soon as a transaction commits that has changed the
    /// table, in any process.
    pub fn depends_on_table(mut self, table: &str) -> Self {
        let table = self.recorded(table);
        self.slots.push(of_table(&table));
        self
    }

    /// Declares that the value is made from rows of this model, as [`depends_on_table`](Self::depends_on_table).
    #[cfg(feature = "models")]
    pub fn depends_on<M: lback_models::Model>(self) -> Self {
        self.depends_on_table(M::META.table)
    }

    /// Declares that the value is made from this row. It is out of date as soon as the row is saved or deleted as a model, or a statement
    /// changes rows of the table that it does not name one by one.
    #[cfg(feature = "models")]
    pub fn depends_on_row<M: lback_models::Model>(mut self, row: &M) -> Self {
        let table = self.recorded(M::META.table);
        match row.cache_key() {
            Ok(key) => self.slots.extend([of_row(&table, &key), of_all_rows(&table)]),
            Err(error) => self.wrong = Some(error),
        }
        self
    }

    /// Returns the table's name in lower case without its schema.
    fn recorded(&mut self, table: &str) -> String {
        let name = table.rsplit('.').next().unwrap_or(table).to_lowercase();
        if !is_recorded(&name) {
            self.wrong = Some(Error::internal(format!("a cached value cannot depend on {name}: its changes are not recorded")));
        }
        if self.cache.inner.looker.is_none() {
            self.wrong = Some(Error::internal(format!("a cached value cannot depend on {name}: this application has no database")));
        }
        self.tables.push(name.clone());
        name
    }

    /// Checks that the tables exist: the changes of one that does not are never heard of.
    fn check_tables(&self) -> Result<()> {
        let Some(looker) = &self.cache.inner.looker else { return Ok(()) };
        for table in &self.tables {
            if !looker.has_table(table)? {
                return Err(Error::internal(format!("the entry \"{}\" depends on the table {table}, which does not exist", self.key)));
            }
        }
        Ok(())
    }

    pub(crate) fn tags(mut self, tags: &[Slot]) -> Self {
        self.tags.extend(tags);
        self
    }

    /// Returns the value, or computes and stores it. `compute` may use the request.
    ///
    /// It blocks while another request computes the value. Async views call [`get_or_set_async`](Self::get_or_set_async).
    ///
    /// # Errors
    /// Returns the errors of `compute`, and 500 if the entry depends on a table whose changes are not recorded. If the store cannot be
    /// used, the value is computed.
    #[track_caller]
    pub fn get_or_set<T>(self, compute: impl FnOnce() -> Result<T>) -> Result<Arc<T>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.get_or_set_shared(|| Ok((compute()?, true)))
    }

    /// As [`get_or_set`](Self::get_or_set). What `compute` returns with `false` is not stored.
    #[track_caller]
    pub(crate) fn get_or_set_shared<T>(mut self, compute: impl FnOnce() -> Result<(T, bool)>) -> Result<Arc<T>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.check()?;
        let place = std::panic::Location::caller();
        let inner = self.cache.inner.clone();
        let key = inner.full_key(&self.key).into_owned();
        let access = match self.cache.looks_for(&self.slots) {
            None => self.access(None),
            Some((looker, since)) => self.access(Some(looker.look(since))),
        };
        if !access.may_read {
            self.count(place, Outcome::Miss);
            return Ok(Arc::new(compute()?.0));
        }
        let deadline = Instant::now() + inner.settings.wait();
        loop {
            let stale = match self.find(&key, inner.find(&key)) {
                Found::Fresh(value) => return Ok(self.hit(place, value)),
                Found::Stale(value) => Some(value),
                Found::Nothing => None,
            };
            match (inner.flights.join(&key), stale) {
                (Role::Leader(lead), _) => {
                    // Another request may have stored it in between.
                    if let Found::Fresh(value) = self.find(&key, inner.find(&key)) {
                        return Ok(self.hit(place, value));
                    }
                    self.count(place, Outcome::Miss);
                    self.check_tables()?;
                    let access = self.with_marks(access, |tags| inner.in_store(|store| store.tag_marks(tags)));
                    let (value, is_shared) = compute()?;
                    let value = Arc::new(value);
                    match self.to_store(&access, &value).filter(|_| is_shared) {
                        Some(stored) => {
                            store(&inner, &key, &stored, lead.is_current());
                            if !lead.finish(&stored) {
                                unstore(&inner, &key);
                            }
                        }
                        None => lead.share_nothing(),
                    }
                    return Ok(value);
                }
                (Role::Follower(_), Some(stale)) => {
                    self.count(place, Outcome::Stale);
                    return Ok(stale);
                }
                (Role::Follower(flight), None) => match flight.wait(deadline) {
                    Some(End::Value(stored)) => {
                        if let Found::Fresh(value) = self.find(&key, Some(stored)) {
                            return Ok(self.hit(place, value));
                        }
                    }
                    Some(End::Nothing) => {}
                    Some(End::NotShared) | None => {
                        self.count(place, Outcome::Miss);
                        return Ok(Arc::new(compute()?.0));
                    }
                },
            }
        }
    }

    /// As [`get_or_set`](Self::get_or_set), for async code. A computation that uses the request is an `async move` block.
    ///
    /// # Errors
    /// As `get_or_set`.
    #[track_caller]
    pub fn get_or_set_async<T, F>(self, compute: F) -> impl Future<Output = Result<Arc<T>>> + use<'k, T, F>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Future<Output = Result<T>>,
    {
        self.get_or_set_shared_async(async move { Ok((compute.await?, true)) })
    }

    /// As [`get_or_set_async`](Self::get_or_set_async). What `compute` returns with `false` is not stored.
    #[track_caller]
    pub(crate) fn get_or_set_shared_async<T, F>(mut self, compute: F) -> impl Future<Output = Result<Arc<T>>> + use<'k, T, F>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Future<Output = Result<(T, bool)>>,
    {
        let place = std::panic::Location::caller();
        async move {
            self.check()?;
            let inner = self.cache.inner.clone();
            let key = inner.full_key(&self.key).into_owned();
            let access = match self.cache.looks_for(&self.slots) {
                None => self.access(None),
                Some((looker, since)) => {
                    let looked = looker.look_async(since).await;
                    self.access(Some(looked))
                }
            };
            if !access.may_read {
                self.count(place, Outcome::Miss);
                return Ok(Arc::new(compute.await?.0));
            }
            let deadline = Instant::now() + inner.settings.wait();
            loop {
                let stale = match self.find(&key, find_async(&inner, &key).await) {
                    Found::Fresh(value) => return Ok(self.hit(place, value)),
                    Found::Stale(value) => Some(value),
                    Found::Nothing => None,
                };
                match (inner.flights.join(&key), stale) {
                    (Role::Leader(lead), _) => {
                        if let Found::Fresh(value) = self.find(&key, find_async(&inner, &key).await) {
                            return Ok(self.hit(place, value));
                        }
                        self.count(place, Outcome::Miss);
                        self.check_tables()?;
                        let marks = tag_marks_async(&inner, &self.tags).await;
                        let access = self.with_marks(access, |_| marks);
                        let (value, is_shared) = compute.await?;
                        let value = Arc::new(value);
                        match self.to_store(&access, &value).filter(|_| is_shared) {
                            Some(stored) => {
                                store_async(&inner, &key, &stored, lead.is_current()).await;
                                if !lead.finish(&stored) {
                                    unstore(&inner, &key);
                                }
                            }
                            None => lead.share_nothing(),
                        }
                        return Ok(value);
                    }
                    (Role::Follower(_), Some(stale)) => {
                        self.count(place, Outcome::Stale);
                        return Ok(stale);
                    }
                    (Role::Follower(flight), None) => match flight.wait_async(deadline).await {
                        Some(End::Value(stored)) => {
                            if let Found::Fresh(value) = self.find(&key, Some(stored)) {
                                return Ok(self.hit(place, value));
                            }
                        }
                        Some(End::Nothing) => {}
                        Some(End::NotShared) | None => {
                            self.count(place, Outcome::Miss);
                            return Ok(Arc::new(compute.await?.0));
                        }
                    },
                }
            }
        }
    }

    /// Returns the value, or `None` if it is missing or out of date.
    ///
    /// # Errors
    /// Returns 500 if the entry depends on a table whose changes are not recorded.
    #[track_caller]
    pub fn get<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Result<Option<Arc<T>>> {
        self.check()?;
        let place = std::panic::Location::caller();
        let inner = self.cache.inner.clone();
        let key = inner.full_key(&self.key).into_owned();
        let stored = inner.find(&key);
        // A value that was stored with dependencies is checked even if this call names none.
        let slots: Vec<Slot> = stored.as_ref().map(|stored| stored.meta.slots.to_vec()).unwrap_or_default();
        self.slots.extend(slots);
        let access = match self.cache.looks_for(&self.slots) {
            None => self.access(None),
            Some((looker, since)) => self.access(Some(looker.look(since))),
        };
        Ok(self.found(place, &key, stored, &access))
    }

    /// As [`get`](Self::get), for async code.
    ///
    /// # Errors
    /// As `get`.
    pub async fn get_async<T: DeserializeOwned + Send + Sync + 'static>(mut self) -> Result<Option<Arc<T>>> {
        self.check()?;
        let place = std::panic::Location::caller();
        let inner = self.cache.inner.clone();
        let key = inner.full_key(&self.key).into_owned();
        let stored = find_async(&inner, &key).await;
        let slots: Vec<Slot> = stored.as_ref().map(|stored| stored.meta.slots.to_vec()).unwrap_or_default();
        self.slots.extend(slots);
        let access = match self.cache.looks_for(&self.slots) {
            None => self.access(None),
            Some((looker, since)) => {
                let looked = looker.look_async(since).await;
                self.access(Some(looked))
            }
        };
        Ok(self.found(place, &key, stored, &access))
    }

    /// Returns the value that was found, if it may be served.
    fn found<T>(
        &self,
        place: &'static std::panic::Location<'static>,
        key: &str,
        stored: Option<Arc<Stored>>,
        access: &Access,
    ) -> Option<Arc<T>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        match self.find(key, stored.filter(|_| access.may_read)) {
            Found::Fresh(value) => Some(self.hit(place, value)),
            Found::Stale(_) | Found::Nothing => {
                self.count(place, Outcome::Miss);
                None
            }
        }
    }

    /// Stores a value that does not depend on the database.
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
        let inner = self.cache.inner.clone();
        let key = inner.full_key(&self.key).into_owned();
        let marks = if self.tags.is_empty() { Vec::new() } else { inner.in_store(|store| store.tag_marks(&self.tags))? };
        let access = Access { may_read: true, seen: Some(None), marks };
        let stored = inner.stored(&self.key, self.meta(&access), &Arc::new(value.clone()))?;
        inner.flights.detach(&key);
        inner.in_store(|store| store.set(&key, &stored))
    }

    fn check(&mut self) -> Result<()> {
        self.wrong.take().map_or(Ok(()), Err)
    }

    /// Returns what this request may do with the entry, after a look at the database.
    fn access(&self, looked: Option<Result<Snapshot>>) -> Access {
        let view = &self.cache.view;
        let Some(looked) = looked else { return Access { may_read: true, seen: Some(None), marks: Vec::new() } };
        let Ok(snapshot) = looked else { return Access::default() };
        let Some(looker) = &self.cache.inner.looker else { return Access::default() };
        let changes = view.unit.as_ref().map(lback_db::UnitChanges::get);
        if changes.is_some_and(|changes| concern(&looker.knowledge, &changes, &self.slots)) {
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
    fn with_marks(&self, mut access: Access, marks: impl FnOnce(&[Slot]) -> Result<Vec<TagMark>>) -> Access {
        if !self.tags.is_empty() {
            match marks(&self.tags) {
                Ok(marks) => access.marks = marks,
                Err(_) => access.seen = None,
            }
        }
        access
    }

    fn meta(&self, access: &Access) -> Meta {
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

    /// Returns what is stored of a value, or `None` if it is not to be stored.
    fn to_store<T: Serialize + Send + Sync + 'static>(&self, access: &Access, value: &Arc<T>) -> Option<Arc<Stored>> {
        access.seen.as_ref()?;
        // The computation may have changed what the value depends on.
        let changes = self.cache.view.unit.as_ref().map(lback_db::UnitChanges::get);
        if let (Some(changes), Some(looker), false) = (changes, &self.cache.inner.looker, self.slots.is_empty())
            && concern(&looker.knowledge, &changes, &self.slots)
        {
            return None;
        }
        match self.cache.inner.stored(&self.key, self.meta(access), value) {
            Ok(stored) => Some(stored),
            Err(error) => {
                eprintln!("DBG {error}");
                tracing::warn!(target: "lback::cache", "{error}");
                None
            }
        }
    }

    /// Returns the value that was found, if it may be served.
    fn find<T: DeserializeOwned + Send + Sync + 'static>(&self, key: &str, stored: Option<Arc<Stored>>) -> Found<T> {
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
            let marks = inner.in_store(|store| store.tag_marks(&names)).unwrap_or_default();
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

    fn hit<T>(&self, place: &'static std::panic::Location<'static>, value: Arc<T>) -> Arc<T> {
        self.count(place, Outcome::Hit);
        value
    }

    fn count(&self, place: &'static std::panic::Location<'static>, outcome: Outcome) {
        let counts = &self.cache.inner.counts;
        let count = match outcome {
            Outcome::Hit => &counts.hits,
            Outcome::Stale => &counts.stale,
            Outcome::Miss => &counts.misses,
        };
        count.fetch_add(1, Ordering::Relaxed);
        panel::record(&self.key, outcome, place);
    }
}

/// What a request got from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Hit,
    Stale,
    Miss,
}

impl Cache {
    /// Returns who looks for changes, if there are dependencies, and since when a look is recent enough.
    fn looks_for(&self, slots: &[Slot]) -> Option<(Arc<crate::changes::Looker>, Instant)> {
        if slots.is_empty() {
            return None;
        }
        let looker = self.inner.looker.clone()?;
        let commits = looker.database().recorded_commits();
        let since = self.view.since.filter(|(_, before)| *before == commits).map_or_else(Instant::now, |(since, _)| since);
        Some((looker, since.checked_sub(self.inner.settings.look_age()).unwrap_or(since)))
    }
}

/// Stores a value, unless its key `is_current` no more.
fn store(inner: &Inner, key: &str, stored: &Arc<Stored>, is_current: bool) {
    if !is_current {
        return;
    }
    if let Err(error) = inner.in_store(|store| store.set(key, stored)) {
        eprintln!("DBG {error}");
        tracing::warn!(target: "lback::cache", %error, "a value cannot be stored");
    }
}

async fn store_async(inner: &Arc<Inner>, key: &str, stored: &Arc<Stored>, is_current: bool) {
    if !inner.store.blocks() {
        return store(inner, key, stored, is_current);
    }
    let (inner, key, stored) = (inner.clone(), key.to_owned(), stored.clone());
    // Otherwise the server is stopping.
    let _ = blocking::on_thread(move || store(&inner, &key, &stored, is_current)).await;
}

/// Removes a value that was stored while its key was removed.
fn unstore(inner: &Inner, key: &str) {
    if let Err(error) = inner.in_store(|store| store.remove(key)) {
        tracing::warn!(target: "lback::cache", %error, "a value cannot be removed");
    }
}

async fn find_async(inner: &Arc<Inner>, key: &str) -> Option<Arc<Stored>> {
    if !inner.store.blocks() {
        return inner.find(key);
    }
    let (inner, key) = (inner.clone(), key.to_owned());
    blocking::on_thread(move || inner.find(&key)).await.ok().flatten()
}

async fn tag_marks_async(inner: &Arc<Inner>, tags: &[Slot]) -> Result<Vec<TagMark>> {
    if tags.is_empty() || !inner.store.blocks() {
        return inner.store.tag_marks(tags);
    }
    let (inner, tags) = (inner.clone(), tags.to_vec());
    blocking::on_thread(move || inner.store.tag_marks(&tags)).await?
}

/// Returns a time in milliseconds, later by this.
fn later(at: i64, by: Duration) -> i64 {
    at.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
}
