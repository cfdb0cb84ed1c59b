//! [`Cached`], the options of routes whose responses are cached.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lback_core::{Request, Result, Router};

use crate::changes::{Slot, of_table};
use crate::sealed::Sealed;

type Part = Arc<dyn Fn(&mut Request) -> Result<String> + Send + Sync>;

/// The options of a route whose responses are cached: [`Router::cached`](RouterCache::cached).
///
/// ```
/// use std::time::Duration;
///
/// use lback::cache::{Cached, RouterCache};
/// use lback::prelude::*;
///
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Post { pub id: i64 }
/// fn index(_: &mut Request) -> &'static str {
///     "hello"
/// }
///
/// let posts = Cached::until_changed().depends_on::<Post>().by_query(["page"]);
/// let urls = Router::new()
///     .get("/", index).cached(Cached::for_time(Duration::from_secs(60)))
///     .get("/posts", index).cached(posts);
/// # let client = lback::testing::Client::with_settings(App::new(urls).cache(), "SESSION_TIMEOUT_MINUTES = 30");
/// # assert_eq!(client.get("/").send().text(), "hello");
/// ```
///
/// Only responses to GET with status 200 are stored, and served to GET and HEAD. A response is not stored if it sets a cookie, contains a
/// CSRF token, a nonce or a live fragment, is streamed, or forbids it with `Cache-Control: no-store` or `private`. If the view or the
/// middleware within reads the session, it is stored only with [`per_user`](Self::per_user).
///
/// Responses get an `ETag`, and a request with `If-None-Match` is answered with 304.
#[derive(Clone)]
#[must_use = "it has an effect only on a route: Router::new().get(…).cached(…)"]
pub struct Cached {
    pub(super) ttl: Option<Duration>,
    pub(super) stale_for: Duration,
    pub(super) version: u32,
    pub(super) per_user: bool,
    pub(super) languages: Vec<String>,
    pub(super) query: Vec<String>,
    pub(super) ignored: Vec<String>,
    pub(super) tables: Vec<String>,
    pub(super) tags: Vec<Slot>,
    pub(super) parts: Vec<Part>,
    warned: Arc<AtomicBool>,
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("ttl", &self.ttl).field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl Cached {
    fn new(ttl: Option<Duration>) -> Self {
        Cached {
            ttl,
            stale_for: Duration::ZERO,
            version: 0,
            per_user: false,
            languages: Vec::new(),
            query: Vec::new(),
            ignored: Vec::new(),
            tables: Vec::new(),
            tags: Vec::new(),
            parts: Vec::new(),
            warned: Arc::default(),
        }
    }

    /// Uses a response for this time, by the application's clock, or until one of its dependencies changes.
    pub fn for_time(time: Duration) -> Self {
        Cached::new(Some(time))
    }

    /// Uses a response until one of its dependencies changes.
    pub fn until_changed() -> Self {
        Cached::new(None)
    }

    /// Sets how long a response is still served after its time, while one request makes it again.
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.stale_for = time;
        self
    }

    /// Sets the version of the responses. Responses with another version are not used.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Keeps responses for each user who is logged in. Visitors without a login share a response only if it does not depend on
    /// their session.
    ///
    /// The user is the one whom the session names. Put a guard such as `login_required()` before `cached`, so that each request is
    /// checked.
    pub fn per_user(mut self) -> Self {
        self.per_user = true;
        self
    }

    /// Keeps responses for each of these languages, of which the browser prefers one: `["en", "de"]`. The first is for browsers that
    /// accept none of them.
    pub fn per_language<L: Into<String>>(mut self, languages: impl IntoIterator<Item = L>) -> Self {
        self.languages = languages.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps responses for each value of these parameters of the query. A request with other parameters is not cached, as the view may
    /// use them.
    pub fn by_query<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.query.extend(names.into_iter().map(Into::into));
        self.query.sort_unstable();
        self
    }

    /// Names parameters of the query that the view does not use, such as `utm_source`.
    pub fn ignoring_query<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.ignored.extend(names.into_iter().map(Into::into));
        self
    }

    /// Keeps responses for each result of a function, if they depend on something else in the request.
    pub fn by(mut self, part: impl Fn(&mut Request) -> Result<String> + Send + Sync + 'static) -> Self {
        self.parts.push(Arc::new(part));
        self
    }

    /// Declares that the responses are made from rows of this table: they are out of date as soon as a transaction commits that has
    /// changed it. See [`CacheEntry::depends_on_table`](crate::CacheEntry::depends_on_table).
    pub fn depends_on_table(mut self, table: &str) -> Self {
        self.tables.push(table.to_owned());
        self
    }

    /// Declares that the responses are made from rows of this model, as [`depends_on_table`](Self::depends_on_table).
    #[cfg(feature = "models")]
    pub fn depends_on<M: lback_models::Model>(self) -> Self {
        self.depends_on_table(M::META.table)
    }

    /// Gives the responses a tag: [`Cache::remove_tag`](crate::Cache::remove_tag) removes them.
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(of_table(tag));
        self
    }

    /// Logs why a response is not stored. The first time is prominent, as the option has no effect then.
    pub(super) fn refuse(&self, req: &Request, why: &str) {
        let route = req.route().map(|route| route.pattern().to_owned()).unwrap_or_default();
        match self.warned.swap(true, Ordering::Relaxed) {
            false => tracing::warn!(target: "lback::cache", route, "a response of a cached route is not stored: {why}"),
            true => tracing::debug!(target: "lback::cache", route, "a response of a cached route is not stored: {why}"),
        }
    }
}

/// Adds cached responses to [`Router`].
pub trait RouterCache: Sealed {
    /// Caches the responses of the last route, or of the routes of the last include.
    ///
    /// It must be the innermost middleware of the route, so write it after `login_required()` and the like. Otherwise a cached response
    /// would reach visitors whom they refuse, so the application does not start.
    fn cached(self, cached: Cached) -> Self;
}

impl RouterCache for Router {
    #[track_caller]
    fn cached(self, cached: Cached) -> Self {
        self.middleware(cached)
    }
}
