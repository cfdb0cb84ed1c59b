//! The test client.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cookie::Cookie;
use http_body_util::BodyExt;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};

use super::block_on;
use super::jar::Jar;
use super::request::RequestBuilder;
use super::socket::Socket;
use crate::error_page::{Failure, FailureReport};
use crate::profile::Profile;
use crate::request::RequestBody;
use crate::upgrade::{PendingUpgrade, Upgraded};
use crate::view::View;
use crate::{Application, Clock, Error, Request, Result};

/// A test client that behaves like a browser: it keeps cookies between requests.
///
/// ```
/// # use lback_core::testing::Client;
/// # use lback::{Request, Response, Router};
/// # use lback::app::Assembly;
/// # use lback::settings::Settings;
/// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
/// # let remember = |req: &mut Request| { req.cookies().add(("theme", "dark")); Response::redirect("/") };
/// # let index = |req: &mut Request| format!("the theme is {}", req.cookies().get("theme").unwrap_or("light"));
/// # let app = Assembly::new(Router::new().get("/", index).post("/theme", remember), settings).build().unwrap();
/// let client = Client::new(app);
/// client.get("/").send().assert_contains("the theme is light");
/// client.post("/theme").form(&[("theme", "dark")]).send().assert_redirect("/");
/// assert_eq!(client.cookie("theme").as_deref(), Some("dark"));
/// client.get("/").send().assert_contains("the theme is dark");
///
/// let other_browser = client.fork();
/// other_browser.get("/").send().assert_contains("the theme is light");
/// ```
///
/// Like a browser, the client keeps cookies by name, domain and path until `Max-Age` or `Expires` has passed, according to the clock
/// of the application. It is at `127.0.0.1`, which browsers trust, so it also keeps and sends `Secure` cookies.
///
/// Several threads can send requests at the same time.
pub struct Client {
    target: Arc<Target>,
    jar: Mutex<Jar>,
    follow: bool,
    enforces_csrf: AtomicBool,
}

/// Shows no cookies: they may hold tokens.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("follow", &self.follow).finish_non_exhaustive()
    }
}

struct Target {
    app: Arc<Application>,
    socket: Option<Socket>,
}

/// The response to one request, before the test sees it.
pub(super) struct ReceivedResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The error that was answered, if the request was not sent over a socket.
    pub(super) failure: Option<Failure>,
    /// What was recorded about the request, if it was not sent over a socket.
    pub(super) profile: Option<Profile>,
    /// The connection, if the response has switched its protocol.
    pub(super) upgraded: Option<Upgraded>,
}

macro_rules! methods {
    ($($name:ident $method:ident;)*) => {$(
        #[doc = concat!("Creates a `", stringify!($method), "` request for `path`.")]
        pub fn $name(&self, path: &str) -> RequestBuilder<'_> {
            self.request(Method::$method, path)
        }
    )*};
}

impl Client {
    /// Creates a client that passes its requests directly to `app`, without a socket.
    ///
    /// The peer is `127.0.0.1`, and so is `Host` unless a request sets another one. Background tasks of the server do not run.
    pub fn new(app: Arc<Application>) -> Self {
        Self::of(Arc::new(Target { app, socket: None }), false)
    }

    /// Starts a server on a free port of this machine and creates a client that sends HTTP/1.1 requests to it. The server stops when
    /// the client and its [forks](Client::fork) are dropped.
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback::{Request, Router};
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
    /// # let app = Assembly::new(Router::new().get("/", |_: &mut Request| "hello"), settings).build().unwrap();
    /// let client = Client::over_socket(app).unwrap();
    /// client.get("/").send().assert_status(200);
    /// assert!(client.url().starts_with("http://127.0.0.1:"));
    /// ```
    ///
    /// # Errors
    /// Returns an error if no port is available.
    pub fn over_socket(app: Arc<Application>) -> Result<Self> {
        let socket = Socket::open(app.clone())?;
        Ok(Self::of(Arc::new(Target { app, socket: Some(socket) }), false))
    }

    fn of(target: Arc<Target>, follow: bool) -> Self {
        Client { target, jar: Mutex::new(Jar::default()), follow, enforces_csrf: AtomicBool::new(false) }
    }

    /// Creates another client of the same application, without cookies.
    #[must_use]
    pub fn fork(&self) -> Self {
        let fork = Self::of(self.target.clone(), self.follow);
        fork.enforces_csrf.store(self.enforces_csrf(), Ordering::Relaxed);
        fork
    }

    /// Sets whether the client follows redirects. By default it does not.
    ///
    /// Use [`RequestBuilder::follow`] to follow the redirects of a single request.
    #[must_use]
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Stops adding CSRF tokens to requests, so that they contain only the token that the test sets.
    ///
    /// By default, every request that needs a token has a valid one, as if it came from a page of the application. So most tests do
    /// not need to deal with tokens. A test of the CSRF protection itself starts with this call:
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback::middleware::{BodyReader, CsrfMiddleware, Errors};
    /// # use lback::{Request, Router};
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
    /// # let mut assembly = Assembly::new(Router::new().post("/delete", |_: &mut Request| "deleted"), settings);
    /// # assembly.stack_mut().push(Errors).push(BodyReader).push(CsrfMiddleware::new());
    /// # let client = Client::new(assembly.build().unwrap());
    /// client.post("/delete").send().assert_status(200);
    /// client.enforce_csrf();
    /// client.post("/delete").send().assert_status(403);
    /// ```
    pub fn enforce_csrf(&self) -> &Self {
        self.enforces_csrf.store(true, Ordering::Relaxed);
        self
    }

    pub(super) fn enforces_csrf(&self) -> bool {
        self.enforces_csrf.load(Ordering::Relaxed)
    }

    pub(super) fn follows(&self) -> bool {
        self.follow
    }

    methods! { get GET; post POST; put PUT; patch PATCH; delete DELETE; head HEAD; options OPTIONS; }

    /// Creates a request for `path`, which may include a query. Characters that are not allowed in a URL, such as spaces and letters
    /// outside ASCII, are percent-encoded.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder<'_> {
        RequestBuilder::new(self, method, path)
    }

    /// Returns the decoded value of the client's cookie `name`.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().into_iter().rfind(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }

    /// Returns the client's cookies with decoded values, oldest first.
    pub fn cookies(&self) -> Vec<Cookie<'static>> {
        self.jar().all(self.clock().now())
    }

    /// Sets a cookie for all paths. It replaces an existing cookie of the same name.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar().set(name, value);
    }

    /// Removes all cookies, like closing a private window.
    pub fn clear_cookies(&self) {
        *self.jar() = Jar::default();
    }

    pub(super) fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the application.
    pub fn app(&self) -> &Arc<Application> {
        &self.target.app
    }

    /// Returns the application's clock. A test that advances it must first set [`Clock::fixed`] as the application's clock.
    pub fn clock(&self) -> &Clock {
        self.app().clock()
    }

    /// Returns the URL of the server, such as `http://127.0.0.1:40123`, or `http://127.0.0.1` without a socket.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// Returns the address of the server, if there is one.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.target.socket.as_ref().map(Socket::addr)
    }

    pub(super) fn authority(&self) -> String {
        self.addr().map_or_else(|| Ipv4Addr::LOCALHOST.to_string(), |addr| addr.to_string())
    }

    /// Runs `work` like a view, but without a route, and returns its result. It runs in a POST request with the client's cookies,
    /// inside the application's middleware that `middleware` names. The client keeps the cookies that it adds.
    ///
    /// Nothing else is involved: no other middleware, no CSRF token, and no server even if the client uses a socket.
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback::{Request, Router};
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
    /// # let theme = |req: &mut Request| req.cookies().get("theme").unwrap_or("light").to_owned();
    /// # let app = Assembly::new(Router::new().get("/theme", theme), settings).build().unwrap();
    /// let client = Client::new(app);
    /// client.within(&[], |req| Ok(req.cookies().add(("theme", "dark")))).unwrap();
    /// assert_eq!(client.get("/theme").send().text(), "dark");
    /// ```
    ///
    /// # Errors
    /// Returns an error if `work` or the middleware fails.
    pub fn within<T, F>(&self, middleware: &[&str], work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Request) -> Result<T> + Send + Sync + 'static,
    {
        let done = Arc::new(Mutex::new(None));
        let result = done.clone();
        let view = move |req: &mut Request| -> Result<()> {
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(work(req)?);
            Ok(())
        };
        let authority = self.authority();
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
        let mut request = hyper::Request::builder().method(Method::POST).uri("/").header(header::HOST, &authority);
        if let Some(cookies) = self.jar().header(host, "/", self.clock().now()) {
            request = request.header(header::COOKIE, cookies);
        }
        let parts = request.body(())?.into_parts().0;
        let mut req = Request::new(self.app().clone(), parts, RequestBody::default(), Some(peer(None)));
        let response = block_on(self.app().run_within(&mut req, middleware, view.into_view()))?;
        self.jar().store(response.headers(), host, "/", self.clock().now());
        let value = done.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| Error::internal("the middleware responded before it called the work of the test"))
    }

    /// Sends one request and waits for the whole response.
    pub(super) fn exchange(&self, request: hyper::Request<Bytes>, from: Option<IpAddr>) -> Result<ReceivedResponse> {
        block_on(async {
            if let Some(socket) = &self.target.socket {
                return socket.exchange(request).await;
            }
            let (parts, body) = request.into_parts();
            let may_upgrade = parts.headers.contains_key(header::UPGRADE);
            let peer = peer(from);
            // In its own task, as on a server: the view may move between threads and use its task.
            let mut req = Request::new(self.app().clone(), parts, RequestBody::from(body), Some(peer));
            if may_upgrade {
                req.allow_upgrade();
            }
            let report = FailureReport::default();
            req.extensions_mut().insert(report.clone());
            let profile = Profile::new();
            let response = tokio::spawn(profile.clone().follow(async move { Application::respond(&mut req).await })).await?;
            let mut response = response.into_hyper();
            let upgraded = PendingUpgrade::take(&mut response).map(|upgrade| Upgraded::in_test(upgrade.run_in_memory()));
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| Error::internal("the response body was interrupted").with_source(error))?;
            let (status, headers) = (parts.status, parts.headers);
            Ok(ReceivedResponse { status, headers, body: body.to_bytes(), failure: report.take(), profile: Some(profile), upgraded })
        })
    }
}

pub(super) fn peer(from: Option<IpAddr>) -> SocketAddr {
    SocketAddr::new(from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 50_000)
}
