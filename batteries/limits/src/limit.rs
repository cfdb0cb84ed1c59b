//! [`Limit`], a rate limit of routes.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use lback_core::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use lback_core::{Error, Middleware, Next, Request, Response, Result, Router, StatusCode};
use lback_session::{RequestSession, RouteSession};

use crate::gcra::{Rate, Verdict};
use crate::key::{Key, limit_id};
use crate::limits::Limits;
use crate::sealed::Sealed;

type Part = Arc<dyn Fn(&mut Request) -> Result<Option<String>> + Send + Sync>;

/// A rate limit of a route: [`Router::limit`](RouterLimits::limit).
///
/// ```
/// use lback::prelude::*;
///
/// fn search(_: &mut Request) -> &'static str {
///     "results"
/// }
///
/// let urls = Router::new().get("/search", search).limit(Limit::per_minute(60).burst(2));
/// # let client = lback::testing::Client::with_settings(App::new(urls).limits(), "SESSION_TIMEOUT_MINUTES = 30");
/// # assert_eq!(client.get("/search").send().assert_status(200).header("ratelimit"), Some("\"address\";r=1;t=1"));
/// # client.get("/search").send().assert_status(200);
/// # assert_eq!(client.get("/search").send().assert_status(429).header("retry-after"), Some("1"));
/// # client.clock().advance(std::time::Duration::from_secs(1));
/// # client.get("/search").send().assert_status(200);
/// ```
///
/// A client may send a burst of requests at once, and then one in each interval: here two, and then one per second. Without
/// [`burst`](Self::burst), the burst is the whole number, here 60. Unused requests return with time, up to the burst.
///
/// A request over the limit gets a 429 with `Retry-After`, as a page or, below [`Router::json`], as problem details. It is refused before
/// its body is read, and not counted. All responses tell clients the limit and what is left of it in the headers `RateLimit-Policy` and
/// `RateLimit`.
///
/// Requests are counted for each address, unless one of the methods that begin with `by` says otherwise. An IPv6 address counts with its
/// /64 network.
#[derive(Clone)]
#[must_use = "it has an effect only on a route: Router::new().get(…).limit(…)"]
pub struct Limit {
    count: u32,
    period: Duration,
    burst: Option<u32>,
    by: By,
    is_per_route: bool,
    name: Option<&'static str>,
    /// The place of `.limit(…)`.
    place: Option<&'static Location<'static>>,
    /// Tells the counts of this limit from those of others, in all processes.
    id: u64,
}

/// The kind of key under which requests count.
#[derive(Clone)]
enum By {
    Address,
    User,
    Key(Part),
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("count", &self.count)
            .field("period", &self.period)
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

impl Limit {
    /// Allows this number of requests in each period.
    pub const fn new(count: u32, period: Duration) -> Self {
        Limit { count, period, burst: None, by: By::Address, is_per_route: false, name: None, place: None, id: 0 }
    }

    /// Allows this number of requests per second.
    pub const fn per_second(count: u32) -> Self {
        Limit::new(count, Duration::from_secs(1))
    }

    /// Allows this number of requests per minute.
    pub const fn per_minute(count: u32) -> Self {
        Limit::new(count, Duration::from_secs(60))
    }

    /// Allows this number of requests per hour.
    pub const fn per_hour(count: u32) -> Self {
        Limit::new(count, Duration::from_secs(60 * 60))
    }

    /// Allows this number of requests per day.
    pub const fn per_day(count: u32) -> Self {
        Limit::new(count, Duration::from_secs(24 * 60 * 60))
    }

    /// Sets how many requests a client may send at once.
    pub fn burst(mut self, count: u32) -> Self {
        self.burst = Some(count);
        self
    }

    /// Counts the requests of each address; of IPv6 addresses, those of the /64 network. This is the default.
    ///
    /// Behind a proxy, name it in `TRUSTED_PROXIES`. Otherwise, all visitors have its address.
    pub fn by_address(mut self) -> Self {
        self.by = By::Address;
        self
    }

    /// Counts the requests of each user who is logged in, whatever their address, and of others by address.
    ///
    /// The user is the one whom the session names.
    pub fn by_user(mut self) -> Self {
        self.by = By::User;
        self
    }

    /// Counts the requests for each text that a function returns, such as a token or a parameter. `None` does not limit the request.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// # fn stock(_: &mut Request) -> &'static str { "3" }
    /// let by_shop = Limit::per_hour(1000).by(|req| Ok(Some(req.param("shop")?)));
    /// let urls = Router::new().get("/{shop}/stock", stock).limit(by_shop).limit(Limit::per_second(10));
    /// # let _ = urls;
    /// ```
    ///
    /// A client that chooses its text freely has as many limits as it likes. Check the text first, or add a limit by address.
    pub fn by(mut self, key: impl Fn(&mut Request) -> Result<Option<String>> + Send + Sync + 'static) -> Self {
        self.by = By::Key(Arc::new(key));
        self
    }

    /// Counts the requests of each route of an include separately. Otherwise, they count together.
    pub fn per_route(mut self) -> Self {
        self.is_per_route = true;
        self
    }

    /// Sets the name, by which clients know the limit in the headers. Limits with the same name count together, wherever they are; without
    /// a name, each `.limit(…)` in the source counts by itself.
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    fn rate(&self) -> Rate {
        let period = i64::try_from(self.period.as_micros()).unwrap_or(i64::MAX);
        let interval = (period / i64::from(self.count.max(1))).max(1);
        Rate { interval, burst: i64::from(self.burst.unwrap_or(self.count).max(1)) }
    }

    /// Returns the name in the headers.
    fn shown_name(&self) -> &'static str {
        self.name.unwrap_or(match self.by {
            By::Address => "address",
            By::User => "user",
            By::Key(_) => "key",
        })
    }

    /// Returns the id under which the requests to the route of this one count.
    fn id_for(&self, req: &Request) -> u64 {
        match req.route().filter(|_| self.is_per_route) {
            Some(route) => limit_id(&[&self.id.to_string(), route.pattern()]),
            None => self.id,
        }
    }

    /// Returns the key under which the request counts. `None` does not limit it.
    async fn key(&self, req: &mut Request) -> Result<Option<Key>> {
        // The application repeats a request that has been counted.
        if req.is_repeated() {
            return Ok(None);
        }
        let id = self.id_for(req);
        match &self.by {
            By::User if req.route().is_some_and(RouteSession::has_session) => {
                let user = req.load_session().await.get::<Option<i64>>("user_id")?.flatten();
                Ok(Some(user.map_or_else(|| Key::of_network(id, req.client_network()), |user| Key::of_user(id, user))))
            }
            By::Address | By::User => Ok(Some(Key::of_network(id, req.client_network()))),
            By::Key(key) => Ok(key(req)?.map(|text| Key::of_text(id, &text))),
        }
    }

    /// Returns the key under which the request counts, if it is known without a wait.
    fn known_key(&self, req: &Request) -> Option<Key> {
        let id = self.id_for(req);
        match &self.by {
            By::Address => Some(Key::of_network(id, req.client_network())),
            By::User => Some(Key::of_user(id, req.session_if_loaded()?.get::<Option<i64>>("user_id").ok()???)),
            By::Key(_) => None,
        }
    }

    fn announce(&self, headers: &mut HeaderMap, verdict: Verdict, now: i64) {
        let Limit { count, period, .. } = self;
        let (name, rate) = (self.shown_name(), self.rate());
        let remaining = rate.remaining(verdict.full_at, now);
        let reset = if remaining == 0 { rate.wait(verdict.full_at, now) } else { verdict.full_at.saturating_sub(now) };
        let window = period.as_secs() + u64::from(period.subsec_nanos() > 0);
        let values = [
            (&RATE_LIMIT_POLICY, format!("\"{name}\";q={count};w={window}")),
            (&RATE_LIMIT, format!("\"{name}\";r={remaining};t={}", seconds(reset))),
        ];
        for (header, value) in values {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(header, value);
            }
        }
    }

    #[track_caller]
    fn refusal(&self, verdict: Verdict, now: i64) -> Error {
        let seconds = seconds(self.rate().wait(verdict.full_at, now)).max(1);
        let (number, unit) = if seconds < 90 { (seconds, "second") } else { (seconds.div_ceil(60), "minute") };
        let plural = if number == 1 { "" } else { "s" };
        let message = format!("There were too many requests. Try again in {number} {unit}{plural}.");
        Error::new(StatusCode::TOO_MANY_REQUESTS, message).with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Returns what is wrong with the limit, and how to correct it.
    pub(crate) fn problem(&self) -> Option<String> {
        let place = self.place.map(ToString::to_string).unwrap_or_default();
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let what = if self.count == 0 || self.burst == Some(0) {
            "lets no request through. Write at least 1"
        } else if self.period.as_micros() < u128::from(self.count) {
            "has more requests than microseconds. Write a longer period"
        } else if !self.name.is_none_or(is_name) {
            "has an invalid name. Use letters, digits, -, _ and ."
        } else {
            return None;
        };
        Some(format!("the rate limit at {place} {what}"))
    }
}

static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Returns the seconds of a time in microseconds, rounded up: a client that comes back earlier would be refused again.
fn seconds(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000)
}

/// `60 per minute by address`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = match self.period.as_millis() {
            1_000 => "per second".to_owned(),
            60_000 => "per minute".to_owned(),
            3_600_000 => "per hour".to_owned(),
            86_400_000 => "per day".to_owned(),
            _ => format!("in {} s", self.period.as_secs_f64()),
        };
        write!(f, "{} {period} by {}", self.count, self.shown_name())
    }
}

impl Middleware for Limit {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        let Some(key) = self.key(req).await? else { return next.run(req).await };
        let (limits, now) = (limits(req)?, req.now().timestamp_micros());
        let verdict = limits.take(key, self.rate(), now).await;
        let mut result = if verdict.is_allowed { next.run(req).await } else { Err(self.refusal(verdict, now)) };
        let headers = match &mut result {
            Ok(response) => response.headers_mut(),
            Err(error) => error.headers_mut(),
        };
        self.announce(headers, verdict, now);
        result
    }

    /// Refuses what is known to be refused; [`handle`](Middleware::handle) counts.
    fn before_body(&self, req: &mut Request) -> Result<()> {
        let Some(key) = self.known_key(req) else { return Ok(()) };
        let (limits, now) = (limits(req)?, req.now().timestamp_micros());
        let Some(verdict) = limits.known_refusal(key, self.rate(), now) else { return Ok(()) };
        let mut refusal = self.refusal(verdict, now);
        self.announce(refusal.headers_mut(), verdict, now);
        Err(refusal)
    }
}

/// Returns the counts of the application.
fn limits(req: &Request) -> Result<Limits> {
    let missing = || Error::internal("a route has a rate limit, and the application has no limits. Write App::new(urls).limits()");
    req.app().state::<Limits>().cloned().ok_or_else(missing)
}

/// Adds rate limits to [`Router`].
pub trait RouterLimits: Sealed {
    /// Limits how often the last route, or the routes of the last include, may be called. Several limits combine.
    ///
    /// Write it after guards such as `login_required()` to count only the requests that they let through.
    fn limit(self, limit: Limit) -> Self;
}

impl RouterLimits for Router {
    #[track_caller]
    fn limit(self, mut limit: Limit) -> Self {
        let place = Location::caller();
        limit.place = Some(place);
        limit.id = match limit.name {
            Some(name) => limit_id(&["name", name]),
            None => limit_id(&["place", &place.to_string()]),
        };
        self.middleware(limit)
    }
}
