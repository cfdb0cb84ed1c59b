//! Requests from pages of other sites: cross-origin resource sharing (CORS), as the [Fetch standard](https://fetch.spec.whatwg.org/)
//! describes it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::origin::{Origin, Origins};

/// The pages of other sites that may call a route, and what they may send and read: [`Router::cors`](crate::Router::cors).
///
/// Browsers let a page read the response of another site only if that site allows it, and ask it before requests that an HTML form could
/// not send. Other programs ignore this.
///
/// ```
/// use std::time::Duration;
///
/// use lback::prelude::*;
///
/// # fn tickets(_: &mut Request) -> &'static str { "" }
/// let cors = Cors::new(["https://app.example.com", "http://localhost:5173"]).max_age(Duration::from_secs(3600));
/// let urls = Router::new().get("/api/tickets", tickets).cors(cors);
/// # let client = lback::testing::Client::with_settings(App::new(urls), "SESSION_TIMEOUT_MINUTES = 30");
/// # let answer = |origin| client.get("/api/tickets").header("origin", origin).send().header("access-control-allow-origin").map(str::to_owned);
/// # assert_eq!(answer("http://localhost:5173").as_deref(), Some("http://localhost:5173"));
/// # assert_eq!(answer("https://evil.example"), None);
/// ```
///
/// By default, such a page may use the methods of the routes, send the headers that APIs usually need, and read those that they usually send
/// back. Cookies are left out, so that a page cannot act in the name of a visitor; [`credentials`](Self::credentials) includes them.
#[derive(Clone, Debug)]
#[must_use = "it has an effect only on a route or include: Router::new().include(…).cors(…)"]
pub struct Cors {
    /// `None` allows any origin.
    origins: Option<Vec<String>>,
    /// `None` allows those of the routes.
    methods: Option<Vec<Method>>,
    /// `None` allows any.
    headers: Option<Vec<String>>,
    exposed: Vec<String>,
    credentials: bool,
    max_age: Duration,
}

/// The headers that pages may send: those of JSON, tokens, CSRF tokens, conditions, repeatable requests and traces.
const HEADERS: [&str; 8] =
    ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "traceparent", "x-csrf-token", "x-requested-with"];

/// The headers that pages may read, besides those that browsers always let them read.
const EXPOSED: [&str; 7] = ["etag", "link", "location", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"];

impl Cors {
    /// Allows pages of these origins: scheme, host, and the port if it is not the default. `https://*.example.com` allows all subdomains.
    pub fn new<O: Into<String>>(origins: impl IntoIterator<Item = O>) -> Self {
        Self::allowing(Some(origins.into_iter().map(Into::into).collect()))
    }

    /// Allows the pages of any site. This is for data that everyone may read.
    pub fn any_origin() -> Self {
        Self::allowing(None)
    }

    fn allowing(origins: Option<Vec<String>>) -> Self {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Cors {
            origins,
            methods: None,
            headers: Some(texts(&HEADERS)),
            exposed: texts(&EXPOSED),
            credentials: false,
            max_age: Duration::from_secs(600),
        }
    }

    /// Allows only these methods, instead of all that the routes answer.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = Some(methods.into_iter().collect());
        self
    }

    /// Sets the headers that pages may send, instead of `Authorization`, `Content-Type`, `Idempotency-Key`, `If-Match`, `If-None-Match`,
    /// `Traceparent`, `X-CSRF-Token` and `X-Requested-With`.
    pub fn headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.headers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Allows pages to send any header.
    pub fn any_header(mut self) -> Self {
        self.headers = None;
        self
    }

    /// Sets the headers that pages may read, instead of `ETag`, `Link`, `Location`, `RateLimit`, `RateLimit-Policy`, `Retry-After` and
    /// `X-Request-Id`.
    pub fn expose<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.exposed = names.into_iter().map(Into::into).collect();
        self
    }

    /// Lets pages send the visitor's cookies, and read responses that are for the visitor only. The origins must be listed.
    ///
    /// Browsers send the session cookie to other sites only with `SESSION_COOKIE_SAMESITE = "None"`. Requests that change something also need a
    /// CSRF token, and the origin in `CSRF_TRUSTED_ORIGINS`.
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// Sets how long browsers remember what is allowed, instead of ten minutes. Most of them do so for two hours at most.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Checks the options and prepares the headers. `place` is the location of the call of `Router::cors`.
    ///
    /// # Errors
    /// Returns what is wrong, and what to write instead.
    pub(crate) fn at(self, place: &'static Location<'static>) -> Result<CorsPolicy, String> {
        let origins = match &self.origins {
            None if self.credentials => {
                return Err(
                    "Cors::any_origin().credentials() would let any site act in the name of a visitor, which browsers refuse. List the \
                            origins: Cors::new([\"https://app.example.com\"]).credentials()"
                        .to_owned(),
                );
            }
            None => None,
            Some(texts) if texts.is_empty() => {
                return Err("Cors::new() has no origin. Write Cors::new([\"https://app.example.com\"]), or Cors::any_origin()".to_owned());
            }
            Some(texts) => Some(Origins::parse(texts).map_err(|text| match text {
                "*" => "Cors::new([\"*\"]) is written Cors::any_origin()".to_owned(),
                text => format!(
                    "Cors::new([\"{text}\"]): this is not an origin. Write the scheme and host, and the port if it is not the default: \
                     \"https://app.example.com\", \"http://localhost:5173\""
                ),
            })?),
        };
        let names = |names: &[String]| -> Result<Vec<HeaderName>, String> {
            let wrong = |name| format!("Cors: \"{name}\" is not the name of a header. Write it as in \"x-request-id\"");
            names.iter().map(|name| HeaderName::try_from(name).map_err(|_| wrong(name))).collect()
        };
        let exposed = names(&self.exposed)?;
        Ok(CorsPolicy(Arc::new(Policy {
            origins,
            methods: self.methods,
            headers: self.headers.as_deref().map(names).transpose()?,
            exposed: list(exposed.iter().map(HeaderName::as_str)),
            credentials: self.credentials,
            max_age: HeaderValue::from(self.max_age.as_secs()),
            place,
            has_warned: AtomicBool::new(false),
        })))
    }
}

/// The checked options of a route.
#[derive(Clone, Debug)]
pub(crate) struct CorsPolicy(Arc<Policy>);

struct Policy {
    origins: Option<Origins>,
    methods: Option<Vec<Method>>,
    headers: Option<Vec<HeaderName>>,
    exposed: Option<HeaderValue>,
    credentials: bool,
    max_age: HeaderValue,
    place: &'static Location<'static>,
    has_warned: AtomicBool,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("origins", &self.origins).field("place", &self.place).finish_non_exhaustive()
    }
}

impl CorsPolicy {
    /// Adds the headers that let a page of this origin read a response, and returns whether it may.
    pub(crate) fn allow_origin(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
        let Some(origins) = &self.0.origins else {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return true;
        };
        // A cache must not serve one site's headers to another.
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        let is_listed = |origin: &HeaderValue| origin.to_str().ok().and_then(Origin::parse).is_some_and(|origin| origins.has(&origin));
        let Some(origin) = origin.filter(|origin| is_listed(origin)) else {
            headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            return false;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.0.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        true
    }

    /// Adds the names of the headers that pages may read.
    pub(crate) fn expose(&self, headers: &mut HeaderMap) {
        if let Some(names) = &self.0.exposed {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names.clone());
        }
    }

    /// Adds the allowed methods and headers. `of_routes` are the methods of the routes at the path of the preflight. Returns the first
    /// method or header that the preflight asks for and that is not allowed, and the code that would allow it.
    pub(crate) fn allow(&self, asked: &Preflight, of_routes: &[Method], headers: &mut HeaderMap) -> Option<(String, String)> {
        let methods = self.0.methods.as_deref().unwrap_or(of_routes);
        if let Some(value) = list(methods.iter().map(Method::as_str)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, value);
        }
        let asked_headers = || asked.headers.split(',').map(str::trim).filter(|name| !name.is_empty());
        let value = match &self.0.headers {
            Some(names) => list(names.iter().map(HeaderName::as_str)),
            None => HeaderValue::from_str(&asked.headers).ok().filter(|value| !value.is_empty()),
        };
        if let Some(value) = value {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, value);
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.0.max_age.clone());

        // Browsers always allow these.
        let is_simple = |method: &str| ["GET", "HEAD", "POST"].contains(&method);
        if !is_simple(&asked.method) && !methods.iter().any(|method| method.as_str() == asked.method.as_str()) {
            return Some((format!("the method {}", asked.method), format!(".methods([Method::{}, …])", asked.method)));
        }
        let names = self.0.headers.as_deref()?;
        let is_allowed = |name: &str| names.iter().any(|allowed| allowed.as_str().eq_ignore_ascii_case(name));
        let refused = asked_headers().find(|name| !is_allowed(name))?;
        Some((format!("the header {refused}"), format!(".headers([\"{refused}\", …])")))
    }

    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.0.place
    }

    /// Returns `true` once, for the first warning: any site can cause any number of refusals.
    pub(crate) fn is_first_warning(&self) -> bool {
        !self.0.has_warned.swap(true, Ordering::Relaxed)
    }
}

/// The method and the headers of a request that a page of another site wants to send, as its browser asks beforehand.
pub(crate) struct Preflight {
    pub(crate) method: String,
    pub(crate) headers: String,
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> Option<HeaderValue> {
    let names: Vec<&str> = names.collect();
    HeaderValue::from_str(&names.join(", ")).ok().filter(|value| !value.is_empty())
}
