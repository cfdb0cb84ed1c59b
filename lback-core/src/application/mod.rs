//! The assembled application: routes, middleware, settings, templates and state.

mod assembly;

pub use assembly::Assembly;

use std::fmt;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use hyper::Method;
use hyper::http::Extensions;
use hyper::http::request::Parts;
use tokio::sync::{Semaphore, watch};

use crate::config::CoreSettings;
use crate::cors::CorsPolicy;
use crate::csp::Policies;
use crate::csrf::Csrf;
use crate::error_page::DebugSection;
use crate::forwarding_warning::ForwardingWarning;
use crate::middleware::{Layer, Next};
use crate::panics::catch_panic;
use crate::profile::Panel;
use crate::request::{Budgets, Keys, RequestBody};
use crate::router::{Endpoint, Lookup, Matched, Route, RouteTable};
use crate::settings::Settings;
use crate::signals::{Exchange, Listeners};
use crate::static_names::StaticNames;
use crate::stored_path;
use crate::templates::Templates;
use crate::time_zone::TimeZone;
use crate::view::{BoxFuture, BoxedView};
use crate::view_threads::ViewThreads;
use crate::{Caching, Clock, Request, Response, Result, error_page};

/// Everything needed to answer requests. [`Assembly::build`] creates it once, and all requests share it.
pub struct Application {
    table: Arc<RouteTable>,
    stack: Arc<[Layer]>,
    /// The number of layers of the stack that are outside of the unit of work.
    outer_layers: usize,
    settings: Settings,
    config: CoreSettings,
    keys: Keys,
    csrf: Csrf,
    csp: Policies,
    secrets: Vec<String>,
    templates: Templates,
    static_names: Arc<StaticNames>,
    state: Extensions,
    clock: Clock,
    view_threads: ViewThreads,
    written_permits: Arc<Semaphore>,
    budgets: Budgets,
    background: Vec<Background>,
    debug_sections: Vec<MakeDebugSection>,
    panels: Vec<Box<dyn Panel>>,
    listeners: Listeners,
    forwarding_warning: ForwardingWarning,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("routes", &self.routes().len()).field("stack", &self.stack).finish_non_exhaustive()
    }
}

type MakeDebugSection = Box<dyn Fn(&mut Request) -> Option<DebugSection> + Send + Sync>;
type Background = Box<dyn Fn(Arc<Application>, watch::Receiver<bool>) -> BoxFuture<'static, ()> + Send + Sync>;

impl Application {
    /// Answers one request: finds its route, then runs the middleware and the view.
    ///
    /// `peer` is the remote address of the connection.
    // Not an async fn: its future would store the parts as well as the request that is made from them.
    pub fn handle(
        self: Arc<Self>,
        parts: Parts,
        body: RequestBody,
        peer: Option<SocketAddr>,
    ) -> impl Future<Output = Response> + Send + use<> {
        let mut req = Request::new(self, parts, body, peer);
        async move { Self::respond(&mut req).await }
    }

    pub(crate) async fn respond(req: &mut Request) -> Response {
        let app = req.app();
        app.forwarding_warning.check(req);
        let lookup = app.table.find(req.method(), req.path(), req.uri().query(), app.config.redirect_slashes);
        let exchange = Exchange::begin(req, &lookup);
        let result = match lookup {
            Lookup::Found(matched) => {
                let route = matched.route.clone();
                req.set_matched(Some(matched));
                Next::new(&route.layers, &route.endpoint).run(req).await
            }
            Lookup::Fallback(endpoint) => {
                let stack = req.app().stack.clone();
                Next::new(&stack, &endpoint).run(req).await
            }
        };
        // An error gets this far only if the stack has no `Errors` middleware.
        let mut response = result.unwrap_or_else(|error| error_page::respond(req, error));
        let failed = req.conclude(Ok(&response)).has_failed();
        if let Some(cookies) = req.pending_cookies() {
            let sealed = cookies.adds_sealed();
            cookies.write(response.headers_mut(), failed);
            if sealed && !failed {
                req.limit_caching(Caching::Private);
            }
        }
        req.caching().apply(response.headers_mut());
        if *req.method() == Method::HEAD {
            response.strip_body();
        }
        if let Some(exchange) = exchange {
            exchange.answer(&mut response);
        }
        response
    }

    /// Returns the middleware of a route, or the stack if there is no route, from the unit of work on.
    pub(crate) fn inner_layers(&self, matched: Option<&Matched>) -> Vec<Layer> {
        let layers = matched.map_or(&self.stack, |matched| &matched.route.layers);
        layers[self.outer_layers..].to_vec()
    }

    /// Runs a view in a test, inside the middleware with these names, and returns the result.
    pub(crate) async fn run_within(&self, req: &mut Request, names: &[&str], view: Arc<dyn BoxedView>) -> Result<Response> {
        let layers: Vec<Layer> = self.stack.iter().filter(|layer| names.contains(&layer.name())).cloned().collect();
        let mut response = Next::new(&layers, &Endpoint::View(view)).run(req).await?;
        let failed = req.conclude(Ok(&response)).has_failed();
        if let Some(cookies) = req.pending_cookies() {
            cookies.write(response.headers_mut(), failed);
        }
        Ok(response)
    }

    /// Returns whether a route answers `GET` for this path. Paths that middleware answers, such as static files, do not count.
    pub fn answers(&self, path: &str) -> bool {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        matches!(self.find_route(&Method::GET, path), Lookup::Found(_) | Lookup::Fallback(Endpoint::Redirect(_)))
    }

    /// Starts the background tasks.
    pub(crate) fn start_background(self: &Arc<Self>, stopping: &watch::Receiver<bool>) -> Vec<tokio::task::JoinHandle<()>> {
        let guarded = |task: &Background| {
            let work = task(self.clone(), stopping.clone());
            let work = async move {
                work.await;
                Ok(())
            };
            async move {
                if let Err(error) = catch_panic(pin!(work)).await {
                    tracing::error!("a background task panicked and will not run again: {error:?}");
                }
            }
        };
        self.background.iter().map(|task| tokio::spawn(guarded(task))).collect()
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the core settings.
    pub fn config(&self) -> &CoreSettings {
        &self.config
    }

    /// Returns the project's folder.
    pub fn root(&self) -> &Path {
        self.settings.root()
    }

    /// Returns the folder of static files.
    pub fn static_dir(&self) -> PathBuf {
        self.root().join(&self.config.static_dir)
    }

    /// Returns the folder in which the application stores files, such as uploads. In a test, this is a temporary folder.
    pub fn media_dir(&self) -> PathBuf {
        self.root().join(&self.config.media_dir)
    }

    /// Returns the path of a stored file: `name` in the [folder of stored files](Self::media_dir). The name may come from a visitor.
    ///
    /// # Errors
    /// Returns 404 if there is no such file, or if the name leads out of the folder or to a hidden file.
    pub fn media_file(&self, name: &str) -> Result<PathBuf> {
        stored_path::find(&self.media_dir(), name)
    }

    /// Returns the hashed names of static files; empty while `DEBUG` is on.
    pub fn static_names(&self) -> &StaticNames {
        &self.static_names
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the time zone that `TIME_ZONE` in the settings names, for code outside of requests.
    pub fn time_zone(&self) -> TimeZone {
        self.config.time_zone
    }

    /// Returns the application state of type `T`.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.get::<Arc<T>>().map(AsRef::as_ref)
    }

    /// Returns every route, in the router's order.
    pub fn routes(&self) -> &[Arc<Route>] {
        self.table.routes()
    }

    /// Returns the names of the middleware around every route, outermost first.
    pub fn middleware(&self) -> impl Iterator<Item = &'static str> {
        self.stack.iter().map(Layer::name)
    }

    /// Returns the path of the route called `name`; see [`Request::url_for`].
    ///
    /// # Errors
    /// Returns an error if no route has that name, a parameter is missing, or a value does not match its parameter's type.
    #[track_caller]
    pub fn url_for(&self, name: &str, params: &[(&str, &dyn Display)]) -> Result<String> {
        self.table.url_for(name, params)
    }

    /// Returns whether there is a route with this name.
    pub fn has_route(&self, name: &str) -> bool {
        self.table.has_name(name)
    }

    pub(crate) fn secret_pattern(&self, path: &str) -> Option<&str> {
        self.table.secret_pattern(path)
    }

    /// Returns whether errors at this path are answered as JSON, also if no route matches it.
    pub(crate) fn has_json_errors(&self, path: &str) -> bool {
        self.table.has_json_errors(path)
    }

    /// Returns the policy for requests of other sites to this path, also if no route matches it.
    pub(crate) fn cors(&self, path: &str) -> Option<&CorsPolicy> {
        self.table.cors(path)
    }

    /// Returns whether pages of other sites may call any path.
    pub(crate) fn has_cors(&self) -> bool {
        self.table.has_cors()
    }

    /// Finds the route that answers `method` at this path.
    pub(crate) fn find_route(&self, method: &Method, path: &str) -> Lookup {
        self.table.find(method, path, None, self.config.redirect_slashes)
    }

    /// Returns the templates.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    pub(crate) fn debug_sections(&self) -> &[MakeDebugSection] {
        &self.debug_sections
    }

    pub(crate) fn panels(&self) -> &[Box<dyn Panel>] {
        &self.panels
    }

    /// Derives keys for `purpose` from `SECRET_KEY` and its fallbacks.
    pub fn derive_keys(&self, purpose: &str) -> Keys {
        Keys::derive(purpose, self.secrets.iter().map(String::as_str))
    }

    pub(crate) fn view_threads(&self) -> &ViewThreads {
        &self.view_threads
    }

    /// Returns the permits for bodies that are written while they are sent.
    pub(crate) fn written_permits(&self) -> &Arc<Semaphore> {
        &self.written_permits
    }

    /// Returns the limits on what the bodies of all requests use together.
    pub(crate) fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    pub(crate) fn csrf(&self) -> &Csrf {
        &self.csrf
    }

    pub(crate) fn csp(&self) -> &Policies {
        &self.csp
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }
}
