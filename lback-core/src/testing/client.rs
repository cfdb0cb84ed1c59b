//! The browser.

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
use crate::request::RequestBody;
use crate::view::View;
use crate::{Application, Clock, Error, Request, Result};

/// A browser for tests. It keeps cookies from one request to the next.
///
/// ```
/// # use lback_core::testing::Client;
/// # use lback_core::{Assembly, Request, Response, Router, Settings};
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
/// Cookies are kept as a browser does: by name, domain and path, until `Max-Age` or `Expires` has passed by the clock
/// of the application. The client stands at `127.0.0.1`, which browsers trust, so `Secure` cookies are kept and sent.
///
/// Requests may be sent from several threads at once.
pub struct Client {
    target: Arc<Target>,
    jar: Mutex<Jar>,
    follow: bool,
    enforces_csrf: AtomicBool,
}

struct Target {
    app: Arc<Application>,
    socket: Option<Socket>,
}

/// What came back, before the test sees it.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The error that was answered, if the request was not sent over a socket.
    pub(super) failure: Option<Failure>,
}

macro_rules! methods {
    ($($name:ident $method:ident;)*) => {$(
        #[doc = concat!("Begins a `", stringify!($method), "` of `path`.")]
        pub fn $name(&self, path: &str) -> RequestBuilder<'_> {
            self.request(Method::$method, path)
        }
    )*};
}

impl Client {
    /// A browser that hands its requests to `app` without a socket between.
    ///
    /// What stands in for the network: the peer is `127.0.0.1`, and `Host` is `127.0.0.1` unless a request says
    /// otherwise. The tasks beside the server do not run.
    pub fn new(app: Arc<Application>) -> Self {
        Self::of(Arc::new(Target { app, socket: None }), false)
    }

    /// A browser that speaks HTTP/1.1 to a server started for it, on a free port of this machine. The server stops when
    /// the browser and its [forks](Client::fork) are dropped.
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback_core::{Assembly, Request, Router, Settings};
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
    /// # let app = Assembly::new(Router::new().get("/", |_: &mut Request| "hello"), settings).build().unwrap();
    /// let client = Client::over_socket(app).unwrap();
    /// client.get("/").send().assert_status(200);
    /// assert!(client.url().starts_with("http://127.0.0.1:"));
    /// ```
    ///
    /// # Errors
    /// Where no port can be had.
    pub fn over_socket(app: Arc<Application>) -> Result<Self> {
        let socket = Socket::open(app.clone())?;
        Ok(Self::of(Arc::new(Target { app, socket: Some(socket) }), false))
    }

    fn of(target: Arc<Target>, follow: bool) -> Self {
        Client { target, jar: Mutex::new(Jar::default()), follow, enforces_csrf: AtomicBool::new(false) }
    }

    /// Another browser before the same application, without cookies.
    pub fn fork(&self) -> Self {
        let fork = Self::of(self.target.clone(), self.follow);
        fork.enforces_csrf.store(self.enforces_csrf(), Ordering::Relaxed);
        fork
    }

    /// The same browser, which follows redirects by itself, or does not, as at first.
    ///
    /// See [`RequestBuilder::follow`] for one request.
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// From now on requests bring only the CSRF token that the test gives them.
    ///
    /// Otherwise every request that needs one has a token that fits, as if the browser had come from a page of the
    /// application: tests of an application need not think of it. A test of the protection itself begins with this:
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback_core::middleware::{BodyReader, CsrfMiddleware, Errors};
    /// # use lback_core::{Assembly, Request, Router, Settings};
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

    /// Begins a request of `path`, which may carry a query. What cannot stand in an address as it is (spaces, letters
    /// outside ASCII) is percent-encoded.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder<'_> {
        RequestBuilder::new(self, method, path)
    }

    /// The value of the cookie `name` that the browser holds, decoded.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().into_iter().rfind(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }

    /// The cookies that the browser holds, values decoded, oldest first.
    pub fn cookies(&self) -> Vec<Cookie<'static>> {
        self.jar().all(self.clock().now())
    }

    /// Gives the browser a cookie for every path, replacing one of that name.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar().put(name, value);
    }

    /// Takes every cookie from the browser, like the end of a private window.
    pub fn clear_cookies(&self) {
        *self.jar() = Jar::default();
    }

    pub(super) fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The application.
    pub fn app(&self) -> &Arc<Application> {
        &self.target.app
    }

    /// The application's clock. A test that moves it makes [`Clock::fixed`] the application's clock first.
    pub fn clock(&self) -> &Clock {
        self.app().clock()
    }

    /// Where the server listens: `http://127.0.0.1:40123`. Without a socket, `http://127.0.0.1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// The address of the server, if there is one.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.target.socket.as_ref().map(Socket::addr)
    }

    pub(super) fn authority(&self) -> String {
        self.addr().map_or_else(|| Ipv4Addr::LOCALHOST.to_string(), |addr| addr.to_string())
    }

    /// Does what a view could do, for this browser and without a route: `work` runs in a POST of its cookies, inside those of the
    /// application's middleware that are named, and the cookies that it adds are kept. Returns what `work` returns.
    ///
    /// Nothing but that middleware is asked: no other, no CSRF token, and over a socket no server.
    ///
    /// ```
    /// # use lback_core::testing::Client;
    /// # use lback_core::{Assembly, Request, Router, Settings};
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
    /// # let theme = |req: &mut Request| req.cookies().get("theme").unwrap_or("light").to_owned();
    /// # let app = Assembly::new(Router::new().get("/theme", theme), settings).build().unwrap();
    /// let client = Client::new(app);
    /// client.within(&[], |req| Ok(req.cookies().add(("theme", "dark")))).unwrap();
    /// assert_eq!(client.get("/theme").send().text(), "dark");
    /// ```
    ///
    /// # Errors
    /// Where `work` or the middleware fails.
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
        self.jar().take(response.headers(), host, "/", self.clock().now());
        let value = done.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| Error::internal("the middleware answered before the test's own work began"))
    }

    /// Sends one request and waits for the whole answer.
    pub(super) fn exchange(&self, request: hyper::Request<Bytes>, from: Option<IpAddr>) -> Result<Answer> {
        block_on(async {
            if let Some(socket) = &self.target.socket {
                return socket.exchange(request).await;
            }
            let (parts, body) = request.into_parts();
            let peer = peer(from);
            // In a task of its own, as on a server: the view may be moved between threads and ask for its task.
            let mut req = Request::new(self.app().clone(), parts, RequestBody::from(body), Some(peer));
            let report = FailureReport::default();
            req.extensions_mut().insert(report.clone());
            let response = tokio::spawn(async move { Application::respond(&mut req).await }).await?;
            let (parts, body) = response.into_hyper().into_parts();
            let body = body.collect().await.map_err(|error| Error::internal("the response broke off").with_source(error))?;
            Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes(), failure: report.take() })
        })
    }
}

pub(super) fn peer(from: Option<IpAddr>) -> SocketAddr {
    SocketAddr::new(from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 50_000)
}
