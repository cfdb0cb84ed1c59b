//! Routing: maps paths to views.

mod pattern;
mod route;
mod shape;
mod table;
mod unreachable;

pub use route::{BodyLimit, CsrfExempt, JsonErrors, Route, SecretPath, Streaming, ViewTimeout};
pub(crate) use table::{Endpoint, Lookup, Matched, RouteTable};
pub(crate) use unreachable::unreachable;

#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::http::Extensions;

use crate::cors::Cors;
use crate::middleware::{IntoMiddleware, Layer};
use crate::view::{BoxedView, View};

/// An application's routes.
///
/// ```
/// use lback::{Request, Router};
///
/// fn index(_: &mut Request) -> &'static str { "index" }
/// fn detail(req: &mut Request) -> lback::Result<String> { Ok(format!("post {}", req.param::<i64>("id")?)) }
///
/// let blog = Router::new().get("/", index).name("index").get("/{id:int}", detail).name("detail");
/// let urls = Router::new().get("/", index).name("home").include("/blog", blog).name("blog");
/// # let _ = urls;
/// ```
///
/// # Patterns
///
/// | pattern | matches |
/// | --- | --- |
/// | `/about` | that path |
/// | `/{name}`, `/{name:str}` | one segment of any text |
/// | `/{id:int}` | one segment that is a whole number (64 bits) |
/// | `/{id:uuid}` | one segment that is a UUID with hyphens |
/// | `/{title:slug}` | one segment of ASCII letters, digits, `-` and `_` |
/// | `/{rest:path}` | all the remaining segments, at least one |
///
/// Text around a parameter is allowed: `/feed-{id:int}.xml`. If several routes match a path, fixed text takes precedence over a
/// parameter, and a narrower type over a wider one; otherwise, the order of the routes does not matter. A route never hides
/// another one that matches better: with `.get("/posts/new", new)` and `.post("/posts/{slug}", save)`, a `POST /posts/new` goes
/// to `save`, and with `.get("/posts/{id:int}", post)` and `.get("/{section}/{page}", page)`, `/posts/about` goes to `page`. If
/// routes match a path but none of them has the method, the response is a 405 that lists the methods of all matching routes. If
/// no route matches, it is a 404.
///
/// If a route has a parameter, no other route can have a `{rest:path}`, or a parameter with different text around it, in the
/// same place: routes that cannot be told apart are an error at start-up, as are two routes that answer the same requests, and
/// a route that is hidden by a [`StaticFiles`](crate::middleware::StaticFiles) in front of it.
///
/// `name`, `middleware` and the options apply to the route or include that was added last.
#[derive(Default)]
#[must_use = "routes are served only by an application or router that includes them"]
pub struct Router {
    entries: Vec<Entry>,
    problems: Vec<String>,
}

/// Lists the patterns.
impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.entries.iter().map(|entry| &entry.pattern);
        f.debug_list().entries(patterns).finish()
    }
}

struct Entry {
    pattern: String,
    target: Target,
    name: Option<String>,
    layers: Vec<Layer>,
    options: Extensions,
    place: &'static Location<'static>,
}

enum Target {
    /// A view, and the methods that it answers; an empty list means all methods.
    View(Arc<dyn BoxedView>, Vec<Method>),
    Include(Router),
}

macro_rules! methods {
    ($($name:ident $method:ident;)*) => {$(
        #[doc = concat!("Adds a view for `", stringify!($method), "`.")]
        #[track_caller]
        pub fn $name<Kind>(self, pattern: &str, view: impl View<Kind>) -> Self {
            self.route([Method::$method], pattern, view)
        }
    )*};
}

impl Router {
    /// Creates a router without routes.
    pub fn new() -> Self {
        Self::default()
    }

    methods! { get GET; post POST; put PUT; patch PATCH; delete DELETE; }

    /// Adds a view for several methods.
    ///
    /// `GET` also answers `HEAD`. `OPTIONS` is answered for every route.
    #[track_caller]
    pub fn route<Kind>(self, methods: impl IntoIterator<Item = Method>, pattern: &str, view: impl View<Kind>) -> Self {
        self.entry(pattern, Target::View(view.into_view(), methods.into_iter().collect()))
    }

    /// Adds a view for every method.
    #[track_caller]
    pub fn any<Kind>(self, pattern: &str, view: impl View<Kind>) -> Self {
        self.route([], pattern, view)
    }

    /// Adds the routes of another router below `prefix`.
    ///
    /// A name that follows becomes the prefix of their names: `include("/blog", blog::urls()).name("blog")` turns `detail` into
    /// `blog:detail`.
    #[track_caller]
    pub fn include(self, prefix: &str, router: Router) -> Self {
        self.entry(prefix, Target::Include(router))
    }

    #[track_caller]
    fn entry(mut self, pattern: &str, target: Target) -> Self {
        self.entries.push(Entry {
            pattern: pattern.to_owned(),
            target,
            name: None,
            layers: Vec::new(),
            options: Extensions::new(),
            place: Location::caller(),
        });
        self
    }

    /// Names the last route, for `url_for`.
    #[track_caller]
    pub fn name(mut self, name: &str) -> Self {
        let place = Location::caller();
        let valid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if !valid {
            self.problems.push(format!("{place}: \"{name}\" is not a valid route name: use letters, digits, _, - and ."));
        }
        if let Some(entry) = self.last("name", place) {
            entry.name = Some(name.to_owned());
        }
        self
    }

    /// Puts a middleware around the last route or include. The first one added is the outermost.
    #[track_caller]
    pub fn middleware<Kind>(mut self, middleware: impl IntoMiddleware<Kind>) -> Self {
        if let Some(entry) = self.last("middleware", Location::caller()) {
            entry.layers.push(middleware.into_middleware());
        }
        self
    }

    /// Attaches a value to the last route or include. Middleware can look it up with [`Route::option`].
    #[track_caller]
    pub fn option<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        if let Some(entry) = self.last("option", Location::caller()) {
            entry.options.insert(value);
        }
        self
    }

    /// Lets the last route's view read the body itself, as it arrives.
    #[track_caller]
    pub fn streaming(self) -> Self {
        self.option(Streaming)
    }

    /// Sets the maximum time for the last route's view, instead of `REQUEST_TIMEOUT_SECONDS`. Zero means no limit.
    #[track_caller]
    pub fn timeout(self, limit: Duration) -> Self {
        self.option(ViewTimeout(limit))
    }

    /// Sets the maximum size of bodies for the last route, in bytes, instead of `MAX_BODY_BYTES` or `MAX_UPLOAD_BYTES`.
    #[track_caller]
    pub fn body_limit(self, bytes: u64) -> Self {
        self.option(BodyLimit(bytes))
    }

    /// Lets the last route, or the routes of the last include, answer POST, PUT, PATCH and DELETE without a CSRF token.
    ///
    /// This is for routes that programs call with credentials of their own, such as a signature or a key in a header. A route
    /// that identifies its visitor by a cookie must not be exempt.
    ///
    /// ```
    /// # use lback::{Request, Router};
    /// # fn paid(_: &mut Request) -> &'static str { "thank you" }
    /// let router = Router::new().post("/hooks/payment", paid).csrf_exempt();
    /// # let _ = router;
    /// ```
    #[track_caller]
    pub fn csrf_exempt(self) -> Self {
        self.option(CsrfExempt)
    }

    /// Marks the path of the last route, or of the routes of the last include, as secret, because it contains a token from a
    /// mailed link, for example. The log shows the pattern instead: `/reset/{token}`.
    #[track_caller]
    pub fn secret_path(self) -> Self {
        self.option(SecretPath)
    }

    /// Answers errors of the last route as JSON, whatever the client prefers: problem details (RFC 9457), as programs expect them. After an
    /// include, this also holds for paths below its prefix that no route matches.
    ///
    /// ```
    /// # use lback::{Request, Router};
    /// # fn stock(_: &mut Request) -> &'static str { "3" }
    /// let api = Router::new().get("/stock/{id:int}", stock);
    /// let urls = Router::new().include("/api", api).json();
    /// # let _ = urls;
    /// ```
    ///
    /// ```json
    /// {"title":"Not Found","status":404,"code":"not_found","detail":"There is no page at this address.","request_id":"55ddf318d199b9a1"}
    /// ```
    #[track_caller]
    pub fn json(self) -> Self {
        self.option(JsonErrors)
    }

    /// Lets pages of other sites call the last route, or the routes of the last include. After an include, this also holds for the errors at
    /// paths below its prefix that no route matches.
    ///
    /// ```
    /// # use lback::{Request, Router};
    /// use lback::routing::Cors;
    ///
    /// # fn stock(_: &mut Request) -> &'static str { "3" }
    /// let api = Router::new().get("/stock/{id:int}", stock);
    /// let urls = Router::new().include("/api", api).json().cors(Cors::new(["https://app.example.com"]));
    /// # let _ = urls;
    /// ```
    #[track_caller]
    pub fn cors(mut self, cors: Cors) -> Self {
        let place = Location::caller();
        match cors.at(place) {
            Ok(policy) => self.option(policy),
            Err(problem) => {
                self.problems.push(format!("{place}: {problem}"));
                self
            }
        }
    }

    /// Records a mistake, which is an error at start-up: for code that makes routes from a configuration. `problem` says what is wrong, where,
    /// and what to write instead.
    pub fn problem(mut self, problem: impl Into<String>) -> Self {
        self.problems.push(problem.into());
        self
    }

    fn last(&mut self, what: &str, place: &Location<'_>) -> Option<&mut Entry> {
        if self.entries.is_empty() {
            self.problems.push(format!("{place}: .{what}(…) applies to the route before it, but there is none"));
        }
        self.entries.last_mut()
    }
}
