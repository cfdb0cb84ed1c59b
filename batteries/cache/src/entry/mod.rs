//! [`CacheEntry`], a value in the cache with its options.

mod access;
mod compute;

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use lback_core::{Error, Result};

pub(crate) use self::access::Outcome;
use crate::cache::Cache;
use crate::changes::{Slot, is_recorded, of_table};
#[cfg(feature = "models")]
use crate::changes::{of_all_rows, of_row};

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
///     let posts = entry.get_or_set(|| Ok(Post::query().load(req.db()?)?))?;
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
    /// The call that made the entry, for the toolbar.
    place: &'static Location<'static>,
}

impl fmt::Debug for CacheEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheEntry").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<'k> CacheEntry<'k> {
    #[track_caller]
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
            place: Location::caller(),
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
    ///
    /// The row must exist: a row that is inserted outdates only entries that depend on the table.
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

    fn check(&mut self) -> Result<()> {
        self.wrong.take().map_or(Ok(()), Err)
    }
}
