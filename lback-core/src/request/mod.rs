//! What the client asked.

mod body;
mod budget;
mod client;
mod cookie_keys;
mod cookies;
mod fields;
mod multipart;

pub use body::RequestBody;
pub(crate) use body::{TooSlow, collect};
pub(crate) use budget::Budgets;
pub use cookie_keys::Keys;
pub(crate) use cookies::header_value as cookie_header;
pub use cookies::{CookieSent, Cookies, PrivateCookies, SignedCookies};
pub use multipart::{Multipart, UploadedFile};

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::application::Application;
use crate::router::{Matched, Route, SecretPath};
use crate::{Caching, Error, Outcome, Response, Result, Settings, TypeMap, csrf, header_parameters};

/// One request: what the client sent, and everything that belongs to answering it.
///
/// Views and middleware receive it as `&mut Request`. Crates above core add to it by extension traits: `req.db()`,
/// `req.session()`.
pub struct Request {
    id: RequestId,
    method: Method,
    uri: Uri,
    headers: Arc<HeaderMap>,
    peer: Option<SocketAddr>,
    body: RequestBody,
    cookies: Option<Cookies>,
    matched: Option<Matched>,
    caching: Caching,
    is_error_page: bool,
    outcome: Outcome,
    extensions: TypeMap,
    app: Arc<Application>,
}

impl Request {
    pub(crate) fn new(app: Arc<Application>, parts: hyper::http::request::Parts, body: RequestBody, peer: Option<SocketAddr>) -> Self {
        Request {
            id: RequestId::next(),
            method: parts.method,
            uri: parts.uri,
            headers: Arc::new(parts.headers),
            peer,
            body,
            cookies: None,
            matched: None,
            caching: Caching::default(),
            is_error_page: false,
            outcome: Outcome::default(),
            extensions: TypeMap::default(),
            app,
        }
    }

    /// Moves the request out, to a thread that may block, and leaves its outline behind: should the request not come
    /// back (a view that runs past its timeout keeps it), the log and the error page still know what it was.
    pub(crate) fn take(&mut self) -> Request {
        let outline = Request {
            id: self.id,
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            peer: self.peer,
            body: RequestBody::default(),
            cookies: None,
            matched: self.matched.clone(),
            caching: self.caching,
            is_error_page: self.is_error_page,
            outcome: self.outcome,
            extensions: TypeMap::default(),
            app: self.app.clone(),
        };
        std::mem::replace(self, outline)
    }

    /// The id under which the log speaks of this request; the client sees it as `X-Request-Id`.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// GET, POST …
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The request's target as the client sent it.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The path, percent-encoded as it was sent.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The path as the log shows it: of a route with a [secret path](crate::Router::secret_path) the pattern.
    pub(crate) fn logged_path(&self) -> &str {
        match self.route() {
            Some(route) if route.option::<SecretPath>().is_some() => route.pattern(),
            Some(_) => self.path(),
            None => self.app.secret_pattern(self.path()).unwrap_or_else(|| self.path()),
        }
    }

    /// The path and, where there is one, `?` and the query.
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The headers, to be changed by a middleware.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        Arc::make_mut(&mut self.headers)
    }

    /// A header as text; `None` where it is absent or not text.
    pub fn header(&self, name: impl HeaderKey) -> Option<&str> {
        name.find(&self.headers)?.to_str().ok()
    }

    /// The query string as a `T`: a struct, a map, or a list of pairs.
    ///
    /// An empty value counts as absent: `?page=` is the default of a field with `#[serde(default)]`, `None` for any `Option`
    /// (`Option<String>` too) and no element of a `Vec`, which may be absent altogether. Only a field that must be there
    /// takes the empty value, which a `String` can hold. `Vec<String>` and `Vec<Option<T>>` keep the places of empty values
    /// beside others that are not empty. `on`, which a checkbox sends, is true. `#[serde(flatten)]` works.
    ///
    /// ```
    /// # use lback_core::{Request, Result};
    /// #[derive(serde::Deserialize)]
    /// struct Page { #[serde(default)] page: u32, tag: Vec<String> }
    ///
    /// fn list(req: &mut Request) -> Result<String> {
    ///     let query: Page = req.query()?;
    ///     Ok(format!("page {} of {:?}", query.page, query.tag))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 400 if the query does not fit `T`, with a message that names the parameter and what it should be, and if it has
    /// more than `MAX_FORM_FIELDS` parameters.
    #[track_caller]
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let limit = self.app.config().max_form_fields;
        if fields::count(query) > limit {
            return Err(Error::bad_request(format!("The query string has more than {limit} parameters.")));
        }
        let Some(pairs) = fields::decode(query) else {
            return Err(Error::bad_request("The query string is not valid: it holds bytes that are not UTF-8."));
        };
        // The place of an error that a closure makes would be here rather than in the view.
        match fields::read(&pairs) {
            Ok(value) => Ok(value),
            Err(mismatch) => Err(Error::bad_request(format!("The query string is not valid: {mismatch}."))),
        }
    }

    /// The path parameter `name` as a `T`.
    ///
    /// ```
    /// # use lback_core::{Request, Result};
    /// fn post(req: &mut Request) -> Result<String> {       // under "/posts/{id:int}"
    ///     let id: i64 = req.param("id")?;
    ///     Ok(format!("post {id}"))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 404 if the value is no `T`, with a message that says what it should be, and 500 if the route has no such
    /// parameter.
    #[track_caller]
    pub fn param<T: FromStr>(&self, name: &str) -> Result<T> {
        let Some(value) = self.params().find(|(key, _)| *key == name).map(|(_, value)| value) else {
            let known: Vec<_> = self.params().map(|(key, _)| key).collect();
            let route = self.route().map_or("no route", |route| route.pattern());
            return Err(Error::internal(format!("the route {route} has no parameter \"{name}\"; it has {known:?}")));
        };
        let Ok(parsed) = value.parse() else {
            let kind = std::any::type_name::<T>();
            let kind = kind.rsplit("::").next().unwrap_or(kind);
            return Err(Error::not_found(format!("\"{value}\" is not a valid {name}: it should be {}", fields::describe(kind))));
        };
        Ok(parsed)
    }

    /// The path parameters in the order of the pattern, decoded.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.matched.iter().flat_map(Matched::params)
    }

    /// The route that matched, if one did.
    pub fn route(&self) -> Option<&Route> {
        self.matched.as_ref().map(Matched::route)
    }

    pub(crate) fn shared_route(&self) -> Option<Arc<Route>> {
        self.matched.as_ref().map(|matched| matched.route.clone())
    }

    pub(crate) fn set_matched(&mut self, matched: Option<Matched>) {
        self.matched = matched;
    }

    /// The cookies: those that came, and those that will go with the response.
    ///
    /// ```
    /// # use lback_core::{Request, Result};
    /// fn theme(req: &mut Request) -> Result<String> {
    ///     let old = req.cookies().get("theme").unwrap_or("none").to_owned();
    ///     req.cookies().add(("theme", "dark"));
    ///     req.cookies().signed().add(("visitor", "7"));
    ///     Ok(old)
    /// }
    /// ```
    ///
    /// Cookies that a view added are not sent if it ends in a status of 500 or above.
    pub fn cookies(&mut self) -> &mut Cookies {
        self.cookies.get_or_insert_with(|| Cookies::parse(&self.headers, self.app.keys(), self.app.clock()))
    }

    pub(crate) fn pending_cookies(&mut self) -> Option<&mut Cookies> {
        self.cookies.as_mut()
    }

    /// Limits how far caches may reuse the response, whatever makes it: the view, another middleware or an error page. The
    /// strictest limit that is asked for counts.
    ///
    /// The framework does this for whatever it owns: sessions, CSRF tokens, signed and encrypted cookies. It is for code that
    /// depends on the visitor in another way:
    ///
    /// ```
    /// # use lback_core::Request;
    /// use lback_core::Caching;
    ///
    /// fn theme(req: &mut Request) -> String {
    ///     req.limit_caching(Caching::PerVisitor);
    ///     req.cookies().get("theme").unwrap_or("light").to_owned()
    /// }
    /// ```
    pub fn limit_caching(&mut self, caching: Caching) {
        self.caching = self.caching.max(caching);
    }

    /// The strictest limit that was asked for.
    pub(crate) fn caching(&self) -> Caching {
        self.caching
    }

    /// Returns whether the error page of this request is being made. It is made outside of most middleware, so the session
    /// and whatever else these bring may be missing, or unusable: that may be what has just failed.
    pub fn is_error_page(&self) -> bool {
        self.is_error_page
    }

    pub(crate) fn set_error_page(&mut self, is_error_page: bool) {
        self.is_error_page = is_error_page;
    }

    /// Returns what the request keeps of its work, as [`conclude`](Request::conclude) decided last. Until the view has returned it is
    /// [`Succeeded`](Outcome::Succeeded).
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    pub(crate) fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// The media type of the body, without its parameters, in lower case.
    pub fn content_type(&self) -> Option<Cow<'_, str>> {
        let value = self.header(header::CONTENT_TYPE)?;
        let (essence, _) = header_parameters::split(value);
        Some(if essence.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(essence.to_ascii_lowercase())
        } else {
            Cow::Borrowed(essence)
        })
    }

    /// The body, to be read by a route that is marked streaming.
    pub fn body_mut(&mut self) -> &mut RequestBody {
        &mut self.body
    }

    /// Is there a body that nobody has read?
    pub(crate) fn has_unread_body(&self) -> bool {
        self.body.is_unread()
    }

    /// The body's bytes. Empty where there is none, and for a multipart body, whose parts are in [`Request::multipart`].
    pub fn body(&self) -> &[u8] {
        self.body.as_bytes()
    }

    /// The posted form as a `T`. Repeated fields fill a `Vec`.
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result};
    /// #[derive(serde::Deserialize)]
    /// struct Login { username: String, password: String }
    ///
    /// fn login(req: &mut Request) -> Result<Response> {
    ///     let form: Login = req.form()?;
    ///     Ok(Response::redirect(if form.username == "alice" { "/" } else { "/login" }))
    /// }
    /// ```
    ///
    /// The text fields of a multipart body count as well. An empty value counts as absent, as in a [query](Request::query).
    ///
    /// # Errors
    /// Returns 400 if the form does not fit `T`, with a message that names the field and what it should be, and 415 if the
    /// body is not a form.
    #[track_caller]
    pub fn form<T: DeserializeOwned>(&self) -> Result<T> {
        self.body.form(self.content_type().as_deref())
    }

    /// The body, which is JSON, as a `T`.
    ///
    /// # Errors
    /// Returns 400 if the body is not JSON, does not fit `T` or is nested more than 127 levels deep, and 415 if its type is
    /// not JSON. As a [`serde_json::Value`], JSON takes many times the memory of its text; if that is more than
    /// `BODY_MEMORY_BYTES`, this returns 413, and 503 if other requests have used them up.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        self.body.json(self.content_type().as_deref())
    }

    /// The fields and files of a `multipart/form-data` body.
    ///
    /// # Errors
    /// 400 where the body is malformed, 415 where it is not multipart.
    #[track_caller]
    pub fn multipart(&mut self) -> Result<&mut Multipart> {
        self.body.multipart()
    }

    /// The address of the machine on the other end of the connection.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The application's own state of type `T`, as given to [`Assembly::state`](crate::Assembly::state).
    ///
    /// # Errors
    /// 500 where the application has no such state.
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let Some(state) = self.app.state::<T>() else {
            let name = std::any::type_name::<T>();
            return Err(Error::internal(format!("the application has no state of type {name}: add it with App::new(…).state(…)")));
        };
        Ok(state)
    }

    /// Values that belong to this request, one per type.
    pub fn extensions(&self) -> &TypeMap {
        &self.extensions
    }

    /// Values that belong to this request, one per type, to be changed.
    pub fn extensions_mut(&mut self) -> &mut TypeMap {
        &mut self.extensions
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        self.app.settings()
    }

    /// The application that answers this request.
    pub fn app(&self) -> &Arc<Application> {
        &self.app
    }

    /// The current time, by the application's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock().now()
    }

    /// Renders a template of the `templates` folder into an HTML page.
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result};
    /// use lback_core::context;
    ///
    /// fn index(req: &mut Request) -> Result<Response> {
    ///     let visits = 3;
    ///     req.render("index.html", context! { visits, name => "alice" })
    /// }
    /// ```
    ///
    /// # Errors
    /// 500, naming the template and the line, where it does not exist, does not parse or fails.
    #[track_caller]
    pub fn render(&mut self, template: &str, context: tera::Context) -> Result<Response> {
        Ok(Response::html(self.render_to_string(template, context)?))
    }

    /// Renders a template into a string.
    ///
    /// # Errors
    /// As [`Request::render`].
    #[track_caller]
    pub fn render_to_string(&mut self, template: &str, context: tera::Context) -> Result<String> {
        let app = self.app.clone();
        app.templates().render(self, template, context)
    }

    /// A CSRF token for a page of this visitor, to be sent back in the form's field `csrf_token` or in the header
    /// `X-CSRF-Token`. In a template, `{{ csrf_input() }}` is the whole field and `{{ csrf_token() }}` the token.
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result};
    /// fn form(req: &mut Request) -> Result<Response> {
    ///     let token = req.csrf_token()?;
    ///     let field = format!("<input type=\"hidden\" name=\"csrf_token\" value=\"{token}\">");
    ///     Ok(Response::html(format!("<form method=\"post\">{field}<button>Delete</button></form>")))
    /// }
    /// ```
    ///
    /// Every call masks it anew, and all stay good until somebody logs in or out. The first one gives the browser a cookie;
    /// the response is kept out of caches that others share.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn csrf_token(&mut self) -> Result<String> {
        csrf::token(self)
    }

    /// Makes the CSRF tokens of all pages that this browser has open worthless. This happens by itself where somebody logs
    /// in or out of a session, and where its id changes; it is for applications that know their visitors by other means.
    ///
    /// # Errors
    /// As [`Request::csrf_token`].
    pub fn rotate_csrf_token(&mut self) -> Result<()> {
        csrf::rotate(self)
    }

    /// The path of the route called `name`, with `params` filled in and escaped.
    ///
    /// Values that the pattern has no place for become the query string.
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result};
    /// fn saved(req: &mut Request) -> Result<Response> {
    ///     let id = 7;
    ///     Ok(Response::redirect(&req.url_for("post", &[("id", &id)])?))
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 where no route has that name, a parameter is missing, or a value does not fit its type.
    #[track_caller]
    pub fn url_for(&self, name: &str, params: &[(&str, &dyn fmt::Display)]) -> Result<String> {
        self.app.url_for(name, params)
    }

    /// 303 to the route called `name`: what a POST wants to answer.
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result};
    /// fn save(req: &mut Request) -> Result<Response> {
    ///     let id = 7;
    ///     req.redirect_to("post", &[("id", &id)])
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Request::url_for`].
    #[track_caller]
    pub fn redirect_to(&self, name: &str, params: &[(&str, &dyn fmt::Display)]) -> Result<Response> {
        Ok(Response::redirect(&self.url_for(name, params)?))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("path", &self.logged_path())
            .field("route", &self.route().map(Route::pattern))
            .finish_non_exhaustive()
    }
}

/// A name under which a header is found: a `&str` or a [`HeaderName`].
pub trait HeaderKey {
    /// The header of this name.
    fn find(self, headers: &HeaderMap) -> Option<&hyper::header::HeaderValue>;
}

impl HeaderKey for &str {
    fn find(self, headers: &HeaderMap) -> Option<&hyper::header::HeaderValue> {
        headers.get(self)
    }
}

impl HeaderKey for HeaderName {
    fn find(self, headers: &HeaderMap) -> Option<&hyper::header::HeaderValue> {
        headers.get(self)
    }
}

/// Names one request in the log: 64 bits that tell nothing about other requests, neither their ids nor their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// Hashes the number of the request with keys that were drawn when the program started: as good as random for everybody
    /// who does not know them, and cheaper than asking the system for random numbers each time.
    fn next() -> Self {
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        RequestId(KEYS.hash_one(COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// The id as 16 hexadecimal digits. Every response carries it, so this takes no way through a formatter.
    pub(crate) fn digits(self) -> [u8; 16] {
        std::array::from_fn(|at| b"0123456789abcdef"[(self.0 >> (60 - 4 * at)) as usize & 15])
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
