//! The assembled application: routes, middleware, settings, templates and state.

use std::fmt;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::http::Extensions;
use hyper::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};

use crate::config::CoreSettings;
use crate::cors::CorsPolicy;
use crate::csp::Policies;
use crate::csrf::{Csrf, CsrfBinding, TrustedOrigins};
use crate::error_page::DebugSection;
use crate::forwarding_warning::ForwardingWarning;
use crate::middleware::{IntoMiddleware, Layer, Next, Slot, Stack};
use crate::panics::catch_panic;
use crate::profile::Panel;
use crate::request::{Budgets, Keys, RequestBody};
use crate::router::{Endpoint, Lookup, Matched, Route, RouteTable, Router, unreachable};
use crate::settings::{Settings, secret_key};
use crate::signals::{Exchange, Listeners};
use crate::static_names::StaticNames;
use crate::stored_path;
use crate::templates::{Functions, TemplateArgs, TemplateFilter, TemplateFunction, TemplateGlobal, Templates};
use crate::time_zone::TimeZone;
use crate::view::{BoxFuture, BoxedView};
use crate::view_threads::ViewThreads;
use crate::{Caching, Clock, ProgramError, ProgramResult, Request, Response, Result, error_page, panics};

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

/// A builder for an [`Application`]: collects its parts, then checks and joins them.
///
/// Applications use `lback::App`, which builds on this type and adds the default middleware.
///
/// ```
/// use lback::{Request, Router};
/// use lback::app::Assembly;
/// use lback::settings::Settings;
///
/// let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
/// let router = Router::new().get("/", |_: &mut Request| "hello");
/// let app = Assembly::new(router, settings).build().unwrap();
/// assert_eq!(app.routes().len(), 1);
/// ```
pub struct Assembly {
    router: Router,
    settings: Settings,
    stack: Stack,
    state: Extensions,
    clock: Clock,
    templates: Vec<(&'static str, &'static str)>,
    globals: Vec<TemplateGlobal>,
    functions: Vec<TemplateFunction>,
    filters: Vec<TemplateFilter>,
    csrf_binding: Option<Box<dyn CsrfBinding>>,
    background: Vec<Background>,
    debug_sections: Vec<MakeDebugSection>,
    panels: Vec<Box<dyn Panel>>,
    listeners: Listeners,
}

impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly").field("router", &self.router).field("stack", &self.stack).finish_non_exhaustive()
    }
}

impl Assembly {
    /// Creates an assembly with these routes and no middleware.
    pub fn new(router: Router, settings: Settings) -> Self {
        Assembly {
            router,
            settings,
            stack: Stack::new(),
            state: Extensions::new(),
            clock: Clock::system(),
            templates: Vec::new(),
            globals: Vec::new(),
            functions: Vec::new(),
            filters: Vec::new(),
            csrf_binding: None,
            background: Vec::new(),
            debug_sections: Vec::new(),
            panels: Vec::new(),
            listeners: Listeners::new(),
        }
    }

    /// Adds a middleware to `slot`, around every route.
    pub fn middleware<Kind>(&mut self, slot: Slot, middleware: impl IntoMiddleware<Kind>) -> &mut Self {
        self.stack.place(slot, middleware);
        self
    }

    /// Adds routes to the application.
    ///
    /// ```
    /// # use lback::{Request, Router};
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// let mut assembly = Assembly::new(Router::new(), settings);
    /// assembly.routes(Router::new().get("/health", |_: &mut Request| "ok"));
    /// assert_eq!(assembly.build().unwrap().routes().len(), 1);
    /// ```
    pub fn routes(&mut self, routes: Router) -> &mut Self {
        self.router = std::mem::take(&mut self.router).include("/", routes);
        self
    }

    /// Returns a mutable reference to the middleware stack around every route.
    pub fn stack_mut(&mut self) -> &mut Stack {
        &mut self.stack
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Adds application state, which [`Request::state`] looks up by its type.
    pub fn state<T: Send + Sync + 'static>(&mut self, value: T) -> &mut Self {
        self.shared_state(Arc::new(value))
    }

    /// Adds application state that is already in an [`Arc`].
    pub fn shared_state<T: Send + Sync + 'static>(&mut self, value: Arc<T>) -> &mut Self {
        self.state.insert(value);
        self
    }

    /// Returns the application state of type `T`, if it has been added already.
    pub fn find_state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.get::<Arc<T>>().map(AsRef::as_ref)
    }

    /// Checks and returns the secret key and its fallbacks.
    fn secrets(&self, config: &CoreSettings) -> Result<Vec<String>> {
        let secret = secret_key(self.settings.root(), config.secret_key.as_ref(), config.debug)?;
        let fallbacks = config.secret_key_fallbacks.iter();
        Ok(std::iter::once(&secret).chain(fallbacks).map(|secret| secret.expose().to_owned()).collect())
    }

    /// Derives keys for `purpose` from `SECRET_KEY` and its fallbacks.
    ///
    /// # Errors
    /// Returns an error if `SECRET_KEY` is missing or too short.
    pub fn derive_keys(&self, purpose: &str) -> Result<Keys> {
        let secrets = self.secrets(&self.settings.section()?)?;
        Ok(Keys::derive(purpose, secrets.iter().map(String::as_str)))
    }

    /// Sets the clock that the whole application uses.
    pub fn clock(&mut self, clock: Clock) -> &mut Self {
        self.clock = clock;
        self
    }

    /// Returns the clock that the whole application uses.
    pub fn clock_in_use(&self) -> &Clock {
        &self.clock
    }

    /// Adds a built-in template. A file of the same name in the templates folder overrides it.
    ///
    /// ```
    /// # use lback::Router;
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// let mut assembly = Assembly::new(Router::new(), settings);
    /// assembly.template("shop/cart.html", "<h1>{{ title }}</h1>");
    /// assert!(assembly.build().unwrap().templates().contains("shop/cart.html"));
    /// ```
    pub fn template(&mut self, name: &'static str, text: &'static str) -> &mut Self {
        self.templates.push((name, text));
        self
    }

    /// Adds a variable that every template can use. `value` runs only for templates that mention it.
    pub fn template_global<F, V>(&mut self, name: &'static str, value: F) -> &mut Self
    where
        F: Fn(&mut Request) -> Result<V> + Send + Sync + 'static,
        V: Serialize,
    {
        let value = move |req: &mut Request| Ok(tera::Value::try_from_serializable(&value(req)?)?);
        self.globals.push(TemplateGlobal::new(name, value));
        self
    }

    /// Adds a function that every template can call. It receives the request that the template is rendered for. The name may
    /// list the function's arguments, as in `unread(folder)`; the application then does not start if a template passes any
    /// other argument. A function that [renders a template](TemplateArgs::render) ends the list with `..`.
    pub fn template_function<F, V>(&mut self, name: &'static str, call: F) -> &mut Self
    where
        F: Fn(&mut Request, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        V: Serialize,
    {
        self.functions.push(TemplateFunction::new(name, call));
        self
    }

    /// Adds a filter that every template can use: `{{ price | money(currency="EUR") }}`. The name may list the filter's
    /// arguments, as in `money(currency)`; the application then does not start if a template passes any other argument.
    pub fn template_filter<F, T, V>(&mut self, name: &'static str, apply: F) -> &mut Self
    where
        F: Fn(T, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        T: DeserializeOwned,
        V: Serialize,
    {
        self.filters.push(TemplateFilter::new(name, apply));
        self
    }

    /// Sets what CSRF tokens are bound to in addition to the browser, such as the session.
    pub fn csrf_binding(&mut self, binding: impl CsrfBinding) -> &mut Self {
        self.csrf_binding = Some(Box::new(binding));
        self
    }

    /// Adds a background task. It starts with the server and runs until `stopping` becomes true.
    pub fn background<F, Fut>(&mut self, task: F) -> &mut Self
    where
        F: Fn(Arc<Application>, watch::Receiver<bool>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.background.push(Box::new(move |app, stopping| Box::pin(task(app, stopping))));
        self
    }

    /// Runs `task` when the server starts and again `pause` after each run, until the server stops. Errors are logged.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lback::Router;
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// let mut assembly = Assembly::new(Router::new(), settings);
    /// assembly.every(Duration::from_secs(60), async |app| {
    ///     println!("{} routes are served", app.routes().len());
    ///     Ok(())
    /// });
    /// ```
    pub fn every<F, Fut>(&mut self, pause: Duration, task: F) -> &mut Self
    where
        F: Fn(Arc<Application>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let task = Arc::new(task);
        self.background(move |app, mut stopping| {
            let task = task.clone();
            async move {
                loop {
                    if let Err(error) = task(app.clone()).await {
                        tracing::error!(%error, "a background task failed; it runs again in {pause:?}");
                    }
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = stopping.wait_for(|stopping| *stopping) => return,
                    }
                }
            }
        })
    }

    /// Adds a section to the error page that is shown while `DEBUG` is on, such as the request's session. The section must mask
    /// its own secrets.
    pub fn debug_section<F>(&mut self, section: F) -> &mut Self
    where
        F: Fn(&mut Request) -> Option<DebugSection> + Send + Sync + 'static,
    {
        self.debug_sections.push(Box::new(section));
        self
    }

    /// Adds a panel to the developer toolbar, which is shown while `DEBUG` is on.
    pub fn toolbar_panel(&mut self, panel: impl Panel) -> &mut Self {
        self.panels.push(Box::new(panel));
        self
    }

    /// Returns a mutable reference to the listeners of the application's [signals](crate::signals).
    pub fn listeners_mut(&mut self) -> &mut Listeners {
        &mut self.listeners
    }

    /// Checks all parts and builds the application.
    ///
    /// # Errors
    /// Returns an error if settings are invalid, routes collide, middleware is in the wrong order or a template does not parse.
    /// The message lists every problem with its location.
    pub fn build(self) -> ProgramResult<Arc<Application>> {
        panics::remember_places();
        let config: CoreSettings = self.settings.checked()?;
        if config.debug {
            error_page::record_stacks();
        }
        self.listeners.check()?;
        let secrets = self.secrets(&config)?;
        let cannot_start = |problems: Vec<String>| ProgramError::new(format!("the application cannot start:\n  {}", problems.join("\n  ")));
        let table = RouteTable::compile(self.router, &self.stack).map_err(cannot_start)?;
        let stack: Arc<[Layer]> = self.stack.layers().cloned().collect();
        let unreachable = unreachable(table.routes().iter().map(AsRef::as_ref), &stack, &config);
        if !unreachable.is_empty() {
            return Err(cannot_start(unreachable));
        }
        let table = Arc::new(table);
        let templates_dir = self.settings.root().join(&config.templates_dir);
        // While DEBUG is on, files change while the program runs.
        let static_dir = self.settings.root().join(&config.static_dir);
        let static_names = Arc::new(if config.debug { StaticNames::default() } else { StaticNames::read(&static_dir)? });
        let functions = Functions::new(table.clone(), &config.static_url, static_names.clone()).add(self.functions, self.filters);
        let templates = Templates::load(templates_dir, self.templates, config.debug, self.globals, functions)?;
        let derive = |purpose| Keys::derive(purpose, secrets.iter().map(String::as_str));
        let trusted = TrustedOrigins::of_settings(&config.csrf_trusted_origins)?;
        let app = Application {
            table,
            stack,
            outer_layers: self.stack.count_before(Slot::Unit),
            keys: derive("cookies"),
            csrf: Csrf::new(derive("csrf"), trusted, self.csrf_binding),
            csp: Policies::of_settings(&config)?,
            secrets,
            templates,
            static_names,
            view_threads: ViewThreads::new(config.max_blocking_views),
            written_permits: Arc::new(Semaphore::new(crate::response::MAX_WRITTEN)),
            budgets: Budgets::new(&config),
            settings: self.settings,
            config,
            state: self.state,
            clock: self.clock,
            background: self.background,
            debug_sections: self.debug_sections,
            panels: self.panels,
            listeners: self.listeners,
            forwarding_warning: ForwardingWarning::default(),
        };
        Ok(Arc::new(app))
    }
}

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
        let lookup = self.table.find(&Method::GET, path, None, self.config.redirect_slashes);
        matches!(lookup, Lookup::Found(_) | Lookup::Fallback(Endpoint::Redirect(_)))
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

    /// Returns the route that answers a request.
    pub(crate) fn route_of(&self, method: &Method, path: &str) -> Option<Arc<Route>> {
        match self.table.find(method, path, None, false) {
            Lookup::Found(matched) => Some(matched.route),
            Lookup::Fallback(_) => None,
        }
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
