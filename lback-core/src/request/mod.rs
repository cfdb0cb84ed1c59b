//! Requests.

mod body;
mod budget;
mod client;
mod cookie_keys;
mod cookies;
mod fields;
mod id;
mod multipart;
mod page;
mod time_zone;
mod trace;
mod visitor;

pub use body::RequestBody;
pub(crate) use body::{TooSlow, collect};
pub(crate) use budget::Budgets;
pub use cookie_keys::Keys;
pub(crate) use cookies::header_value as cookie_header;
pub use cookies::{CookieSent, Cookies, PrivateCookies, SignedCookies};
pub use id::RequestId;
pub use multipart::{Multipart, UploadedFile};
pub use trace::{InvalidTrace, Trace};
pub use visitor::Visitor;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Uri};
use serde::de::DeserializeOwned;

use crate::application::Application;
use crate::router::{Matched, Route, SecretPath};
use crate::sealed::Sealed;
use crate::{Caching, Error, Outcome, Result, Settings, TimeZone, TypeMap, header_parameters, upgrade};

/// The number of parts of the response that no other request may get, besides cookies.
#[derive(Default)]
struct OwnParts(usize);

/// A request: what the client sent, and the state needed to answer it.
///
/// Views and middleware receive it as `&mut Request`. Other crates add methods with extension traits: `req.db()`,
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
    can_upgrade: bool,
    is_rerender: bool,
    is_look: bool,
    ignores_cookies: bool,
    outcome: Outcome,
    time_zone: TimeZone,
    extensions: TypeMap,
    app: Arc<Application>,
}

impl Request {
    pub(crate) fn new(app: Arc<Application>, parts: hyper::http::request::Parts, body: RequestBody, peer: Option<SocketAddr>) -> Self {
        let can_upgrade = upgrade::is_possible(&parts);
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
            can_upgrade,
            is_rerender: false,
            is_look: false,
            ignores_cookies: false,
            outcome: Outcome::default(),
            time_zone: app.time_zone(),
            extensions: TypeMap::default(),
            app,
        }
    }

    /// Moves the request out, to a thread that may block, and leaves an outline in its place. If the request does not come
    /// back, because its view runs past the timeout, the log and the error page still know what it was.
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
            can_upgrade: false,
            is_rerender: self.is_rerender,
            is_look: self.is_look,
            ignores_cookies: self.ignores_cookies,
            outcome: self.outcome,
            time_zone: self.time_zone,
            extensions: TypeMap::default(),
            app: self.app.clone(),
        };
        std::mem::replace(self, outline)
    }

    /// Returns the id that identifies this request in the log. The client receives it as `X-Request-Id`.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Returns the method, such as GET or POST.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the request's target as the client sent it.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the path, percent-encoded as it was sent.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Returns the path as the log shows it: for a route with a [secret path](crate::Router::secret_path), the pattern.
    pub fn logged_path(&self) -> &str {
        match self.route() {
            Some(route) if route.option::<SecretPath>().is_some() => route.pattern(),
            Some(_) => self.path(),
            None => self.app.secret_pattern(self.path()).unwrap_or_else(|| self.path()),
        }
    }

    /// Returns the path and, if there is a query, `?` and the query.
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns a mutable reference to the headers, for middleware.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        Arc::make_mut(&mut self.headers)
    }

    /// Returns a header as text, or `None` if it is missing or not text.
    pub fn header(&self, name: impl HeaderKey) -> Option<&str> {
        name.find(&self.headers)?.to_str().ok()
    }

    /// Returns the id of the last [event](crate::Response::events) that the browser has received, if it connects again after the end of
    /// a stream, to continue after that event.
    ///
    /// It is what the client claims: parse it, and check whether the user may see what follows.
    pub fn last_event_id(&self) -> Option<&str> {
        // Unlike other headers, it is in UTF-8.
        std::str::from_utf8(self.headers.get("last-event-id")?.as_bytes()).ok().filter(|id| !id.is_empty())
    }

    /// Deserializes the query string into a `T`: a struct, a map, or a list of pairs.
    ///
    /// An empty value counts as absent: `?page=` yields the default of a field with `#[serde(default)]`, `None` for any
    /// `Option` (including `Option<String>`), and no element of a `Vec`, which may itself be absent. Only a required field
    /// receives the empty value, which a `String` can hold. `Vec<String>` and `Vec<Option<T>>` keep the positions of empty
    /// values next to others that are not empty. `on`, which a checkbox sends, is true. `#[serde(flatten)]` works.
    ///
    /// ```
    /// # use lback::{Request, Result};
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
    /// Returns 400 if the query does not match `T`, with a message that names the parameter and what it should be, or if it has
    /// more than `MAX_FORM_FIELDS` parameters.
    #[track_caller]
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let limit = self.app.config().max_form_fields;
        if fields::count(query) > limit {
            return Err(Error::bad_request(format!("The query string has more than {limit} parameters.")));
        }
        let Some(pairs) = fields::decode(query) else {
            return Err(Error::bad_request("The query string is not valid: it contains bytes that are not UTF-8."));
        };
        // Not a closure: the location of its error would be here instead of in the view.
        match fields::read(&pairs) {
            Ok(value) => Ok(value),
            Err(mismatch) => Err(Error::bad_request(format!("The query string is not valid: {mismatch}."))),
        }
    }

    /// Parses the path parameter `name` as a `T`.
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// fn post(req: &mut Request) -> Result<String> {       // under "/posts/{id:int}"
    ///     let id: i64 = req.param("id")?;
    ///     Ok(format!("post {id}"))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 404 if the value is not a `T`, with a message that says what it should be, and 500 if the route has no such
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

    /// Returns the decoded path parameters, in the order of the pattern.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.matched.iter().flat_map(Matched::params)
    }

    /// Returns the route that matched, if any.
    pub fn route(&self) -> Option<&Route> {
        self.matched.as_ref().map(Matched::route)
    }

    pub(crate) fn shared_route(&self) -> Option<Arc<Route>> {
        self.matched.as_ref().map(|matched| matched.route.clone())
    }

    pub(crate) fn set_matched(&mut self, matched: Option<Matched>) {
        self.matched = matched;
    }

    /// Returns the cookies: those that the client sent, and those that the response will set.
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// fn theme(req: &mut Request) -> Result<String> {
    ///     let old = req.cookies().get("theme").unwrap_or("none").to_owned();
    ///     req.cookies().add(("theme", "dark"));
    ///     req.cookies().signed().add(("visitor", "7"));
    ///     Ok(old)
    /// }
    /// ```
    ///
    /// Cookies that a view has added are not sent if it ends with a status of 500 or above.
    pub fn cookies(&mut self) -> &mut Cookies {
        self.cookies.get_or_insert_with(|| Cookies::parse(&self.headers, self.app.keys(), self.app.clock()))
    }

    /// Makes the request one without cookies, for middleware that identifies the client by a header that browsers do not send on their
    /// own, such as an API token.
    ///
    /// The cookies that the client has sent are removed. The request then needs no CSRF token, because another site cannot make a visitor's
    /// browser send it; its session is empty and ends with it; and its errors are JSON. Call it outside the CSRF check, and refuse the
    /// request unless the header is valid.
    ///
    /// ```
    /// use lback::http::Caching;
    /// use lback::prelude::*;
    ///
    /// /// Lets the monitoring service in by a key of its own.
    /// async fn monitoring(req: &mut Request, next: Next<'_>) -> Result<Response> {
    ///     if let Some(key) = req.header("x-monitoring-key") {
    ///         let is_valid = key == "…";
    ///         req.ignore_cookies();
    ///         req.limit_caching(Caching::Private);
    ///         if !is_valid {
    ///             return Err(Error::new(StatusCode::UNAUTHORIZED, "The key is not valid."));
    ///         }
    ///     }
    ///     next.run(req).await
    /// }
    /// # let _ = App::new(Router::new()).stack(|stack| stack.insert_before("BodyReader", monitoring).map(drop));
    /// ```
    pub fn ignore_cookies(&mut self) {
        self.ignores_cookies = true;
        if self.headers.contains_key(header::COOKIE) {
            self.headers_mut().remove(header::COOKIE);
        }
        if let Some(cookies) = &mut self.cookies {
            cookies.forget_received();
        }
    }

    /// Returns whether the request has no cookies because [`ignore_cookies`](Self::ignore_cookies) was called.
    pub fn ignores_cookies(&self) -> bool {
        self.ignores_cookies
    }

    pub(crate) fn pending_cookies(&mut self) -> Option<&mut Cookies> {
        self.cookies.as_mut()
    }

    /// Limits how far caches may reuse the response, whether it comes from the view, another middleware or an error page. The
    /// strictest limit applies.
    ///
    /// The framework does this for everything that it manages: sessions, CSRF tokens, signed and encrypted cookies. Call it in
    /// code that depends on the visitor in another way:
    ///
    /// ```
    /// # use lback::Request;
    /// use lback::http::Caching;
    ///
    /// fn theme(req: &mut Request) -> String {
    ///     req.limit_caching(Caching::PerVisitor);
    ///     req.cookies().get("theme").unwrap_or("light").to_owned()
    /// }
    /// ```
    pub fn limit_caching(&mut self, caching: Caching) {
        self.caching = self.caching.max(caching);
    }

    /// Returns the strictest limit that has been set.
    pub fn caching(&self) -> Caching {
        self.caching
    }

    /// Returns the number of parts of the response that no other request may get: CSRF tokens, nonces, cookies and live fragments.
    #[doc(hidden)]
    pub fn own_parts(&mut self) -> usize {
        let cookies = self.pending_cookies().map_or(0, |cookies| cookies.pending_count());
        self.extensions.get::<OwnParts>().map_or(0, |parts| parts.0) + cookies
    }

    /// Records that the response gets a part that no other request may get.
    #[doc(hidden)]
    pub fn note_own_part(&mut self) {
        self.extensions.get_or_insert_with(OwnParts::default).0 += 1;
    }

    /// Returns whether the error page of this request is being rendered. It is rendered outside most middleware, so the session
    /// and other state from middleware may be missing or unusable: that may be what has just failed.
    pub fn is_error_page(&self) -> bool {
        self.is_error_page
    }

    /// Returns whether the application makes this request itself, to update a page that a visitor has open. Nothing of it is kept; see
    /// [`Rerender`](crate::Rerender). A view that counts visits leaves it out:
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// fn article(req: &mut Request) -> Result<Response> {
    ///     if !req.is_rerender() {
    ///         // count the visit
    ///     }
    ///     Ok(Response::text("the article"))
    /// }
    /// ```
    pub fn is_rerender(&self) -> bool {
        self.is_rerender
    }

    /// Returns whether the application makes this request itself for a visitor whose own request has ended: a
    /// [re-render](Self::is_rerender) or a [look](Visitor::look). Nothing of it is kept, and it should not be counted as a visit.
    pub fn is_repeated(&self) -> bool {
        self.is_rerender || self.is_look
    }

    pub(crate) fn set_rerender(&mut self) {
        self.is_rerender = true;
    }

    pub(crate) fn set_error_page(&mut self, is_error_page: bool) {
        self.is_error_page = is_error_page;
    }

    /// Returns the outcome of the request, as set by the last call of [`conclude`](Request::conclude). Until the view has returned,
    /// it is [`Succeeded`](Outcome::Succeeded).
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    pub(crate) fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Returns the media type of the body in lower case, without its parameters.
    pub fn content_type(&self) -> Option<Cow<'_, str>> {
        let value = self.header(header::CONTENT_TYPE)?;
        let (essence, _) = header_parameters::split(value);
        Some(if essence.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(essence.to_ascii_lowercase())
        } else {
            Cow::Borrowed(essence)
        })
    }

    /// Returns a mutable reference to the body, for a route that is marked as streaming.
    pub fn body_mut(&mut self) -> &mut RequestBody {
        &mut self.body
    }

    /// Returns whether the connection can be switched to another protocol after this request.
    pub(crate) fn can_upgrade(&self) -> bool {
        self.can_upgrade
    }

    /// Allows an upgrade of a request that did not arrive through a server.
    pub(crate) fn allow_upgrade(&mut self) {
        self.can_upgrade = true;
    }

    /// Returns whether there is a body that has not been read.
    pub(crate) fn has_unread_body(&self) -> bool {
        self.body.is_unread()
    }

    /// Returns the body's bytes. They are empty if there is no body, and for a multipart body, whose parts are in
    /// [`Request::multipart`].
    pub fn body(&self) -> &[u8] {
        self.body.as_bytes()
    }

    /// Deserializes the posted form into a `T`. Repeated fields fill a `Vec`.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// #[derive(serde::Deserialize)]
    /// struct Login { username: String, password: String }
    ///
    /// fn login(req: &mut Request) -> Result<Response> {
    ///     let form: Login = req.form()?;
    ///     Ok(Response::redirect(if form.username == "alice" { "/" } else { "/login" }))
    /// }
    /// ```
    ///
    /// The text fields of a multipart body are included. An empty value counts as absent, as in a [query](Request::query).
    ///
    /// # Errors
    /// Returns 400 if the form does not match `T`, with a message that names the field and what it should be, and 415 if the
    /// body is not a form.
    #[track_caller]
    pub fn form<T: DeserializeOwned>(&self) -> Result<T> {
        self.body.form(self.content_type().as_deref())
    }

    /// Deserializes the JSON body into a `T`.
    ///
    /// # Errors
    /// Returns 400 if the body is not JSON, does not match `T` or is nested more than 127 levels deep, and 415 if its type is
    /// not JSON. As a [`serde_json::Value`], JSON takes many times the memory of its text; if that is more than
    /// `BODY_MEMORY_BYTES`, this method returns 413, and if other requests have used up that memory, 503.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        self.body.json(self.content_type().as_deref())
    }

    /// Returns the fields and files of a `multipart/form-data` body.
    ///
    /// # Errors
    /// Returns 400 if the body is malformed, and 415 if it is not multipart.
    #[track_caller]
    pub fn multipart(&mut self) -> Result<&mut Multipart> {
        self.body.multipart()
    }

    /// Returns the address of the other end of the connection.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Returns the application state of type `T`, as passed to [`Assembly::state`](crate::Assembly::state).
    ///
    /// # Errors
    /// Returns 500 if the application has no such state.
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let Some(state) = self.app.state::<T>() else {
            let name = std::any::type_name::<T>();
            return Err(Error::internal(format!("the application has no state of type {name}: add it with App::new(…).state(…)")));
        };
        Ok(state)
    }

    /// Returns the values that are attached to this request, one per type.
    pub fn extensions(&self) -> &TypeMap {
        &self.extensions
    }

    /// Returns a mutable reference to the values that are attached to this request, one per type.
    pub fn extensions_mut(&mut self) -> &mut TypeMap {
        &mut self.extensions
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        self.app.settings()
    }

    /// Returns the application that answers this request.
    pub fn app(&self) -> &Arc<Application> {
        &self.app
    }

    /// Returns the current time according to the application's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock().now()
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

/// The name of a header: a `&str` or a [`HeaderName`].
pub trait HeaderKey: Sealed {
    /// Returns the header with this name.
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
