//! An application, assembled: routes, middleware, settings, templates, state.

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
use crate::csp::Policies;
use crate::csrf::{Csrf, CsrfBinding, TrustedOrigins};
use crate::error_page::DebugSection;
use crate::middleware::{IntoMiddleware, Layer, Next, Slot, Stack};
use crate::panics::catch_panic;
use crate::request::{Budgets, Keys, RequestBody};
use crate::router::{Endpoint, Lookup, Route, RouteTable, Router, unreachable};
use crate::settings::{Settings, secret_key};
use crate::signals::{Exchange, Listeners};
use crate::static_names::StaticNames;
use crate::templates::{Functions, TemplateArgs, TemplateFilter, TemplateFunction, TemplateGlobal, Templates};
use crate::trusted_proxy::ForwardingWarning;
use crate::view::{BoxFuture, BoxedView};
use crate::{Caching, Clock, Error, Request, Response, Result, error_page, panics};

/// Everything that is needed to answer a request. Made once, by [`Assembly::build`], and shared.
pub struct Application {
    table: Arc<RouteTable>,
    stack: Arc<[Layer]>,
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
    view_places: Arc<Semaphore>,
    budgets: Budgets,
    background: Vec<Background>,
    debug_sections: Vec<MakeDebugSection>,
    listeners: Listeners,
    forwarding_warning: ForwardingWarning,
}

type MakeDebugSection = Box<dyn Fn(&mut Request) -> Option<DebugSection> + Send + Sync>;
type Background = Box<dyn Fn(Arc<Application>, watch::Receiver<bool>) -> BoxFuture<'static, ()> + Send + Sync>;

/// The parts of an application, before they are checked and joined.
///
/// Applications use `lback::App`, which fills in the default middleware; this is what it is made of.
///
/// ```
/// use lback_core::{Assembly, Request, Router, Settings};
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
    listeners: Listeners,
}

impl Assembly {
    /// An application of these routes, without middleware.
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
            listeners: Listeners::new(),
        }
    }

    /// Adds a middleware around every route, in `slot`.
    pub fn middleware<Kind>(&mut self, slot: Slot, middleware: impl IntoMiddleware<Kind>) -> &mut Self {
        self.stack.place(slot, middleware);
        self
    }

    /// Adds routes to those of the application.
    ///
    /// ```
    /// # use lback_core::{Assembly, Request, Router, Settings};
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// let mut assembly = Assembly::new(Router::new(), settings);
    /// assembly.routes(Router::new().get("/health", |_: &mut Request| "ok"));
    /// assert_eq!(assembly.build().unwrap().routes().len(), 1);
    /// ```
    pub fn routes(&mut self, routes: Router) -> &mut Self {
        self.router = std::mem::take(&mut self.router).include("/", routes);
        self
    }

    /// The middleware around every route, to be changed.
    pub fn stack_mut(&mut self) -> &mut Stack {
        &mut self.stack
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Adds the application's own shared state, which [`Request::state`] finds by its type.
    pub fn state<T: Send + Sync + 'static>(&mut self, value: T) -> &mut Self {
        self.shared_state(Arc::new(value))
    }

    /// Adds state that is shared already.
    pub fn shared_state<T: Send + Sync + 'static>(&mut self, value: Arc<T>) -> &mut Self {
        self.state.insert(value);
        self
    }

    /// The shared state of type `T` that has been added so far.
    pub fn find_state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.get::<Arc<T>>().map(AsRef::as_ref)
    }

    /// The secret key and its fallbacks, checked.
    fn secrets(&self, config: &CoreSettings) -> Result<Vec<String>> {
        let secret = secret_key(self.settings.root(), config.secret_key.as_ref(), config.debug)?;
        let fallbacks = config.secret_key_fallbacks.iter();
        Ok(std::iter::once(&secret).chain(fallbacks).map(|secret| secret.expose().to_owned()).collect())
    }

    /// Keys for `purpose`, derived from `SECRET_KEY` and its fallbacks.
    ///
    /// # Errors
    /// Where `SECRET_KEY` is missing or too short.
    pub fn derive_keys(&self, purpose: &str) -> Result<Keys> {
        let secrets = self.secrets(&self.settings.section()?)?;
        Ok(Keys::derive(purpose, secrets.iter().map(String::as_str)))
    }

    /// The clock that everything in the application asks.
    pub fn clock(&mut self, clock: Clock) -> &mut Self {
        self.clock = clock;
        self
    }

    /// Returns the clock that everything in the application asks.
    pub fn clock_in_use(&self) -> &Clock {
        &self.clock
    }

    /// Adds a template that a crate brings along. A file of this name in the templates folder takes its place.
    ///
    /// ```
    /// # use lback_core::{Assembly, Router, Settings};
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

    /// Adds a function that every template can call, with the request whose page it is. Its arguments may follow its name, as in
    /// `unread(folder)`; then a template that gives another one stops the start.
    pub fn template_function<F, V>(&mut self, name: &'static str, call: F) -> &mut Self
    where
        F: Fn(&mut Request, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        V: Serialize,
    {
        self.functions.push(TemplateFunction::new(name, call));
        self
    }

    /// Adds a filter that every template can use: `{{ price | money(currency="EUR") }}`. Its arguments may follow its name, as in
    /// `money(currency)`; then a template that gives another one stops the start.
    pub fn template_filter<F, T, V>(&mut self, name: &'static str, apply: F) -> &mut Self
    where
        F: Fn(T, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        T: DeserializeOwned,
        V: Serialize,
    {
        self.filters.push(TemplateFilter::new(name, apply));
        self
    }

    /// What CSRF tokens are bound to besides the browser, such as its session.
    pub fn csrf_binding(&mut self, binding: impl CsrfBinding) -> &mut Self {
        self.csrf_binding = Some(Box::new(binding));
        self
    }

    /// Adds a task that runs beside the server, from its start until `stopping` turns true.
    pub fn background<F, Fut>(&mut self, task: F) -> &mut Self
    where
        F: Fn(Arc<Application>, watch::Receiver<bool>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.background.push(Box::new(move |app, stopping| Box::pin(task(app, stopping))));
        self
    }

    /// Runs `task` when the server starts, and again `pause` after each run, until the server stops. An error is logged.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lback_core::{Assembly, Router, Settings};
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
                        tracing::error!(%error, "a background task has failed; it runs again in {pause:?}");
                    }
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = stopping.wait_for(|stopping| *stopping) => return,
                    }
                }
            }
        })
    }

    /// Adds a section to the page that shows an error while `DEBUG` is on, such as the session of the request. The
    /// section hides what is secret itself.
    pub fn debug_section<F>(&mut self, section: F) -> &mut Self
    where
        F: Fn(&mut Request) -> Option<DebugSection> + Send + Sync + 'static,
    {
        self.debug_sections.push(Box::new(section));
        self
    }

    /// Those who are told the application's [signals](crate::signals), to be changed.
    pub fn listeners_mut(&mut self) -> &mut Listeners {
        &mut self.listeners
    }

    /// Checks everything and joins it.
    ///
    /// # Errors
    /// Where settings are wrong, routes collide, middleware stands in the wrong order or a template does not parse. The
    /// message lists every problem that was found, with its place.
    pub fn build(self) -> Result<Arc<Application>> {
        panics::remember_places();
        let config: CoreSettings = self.settings.checked()?;
        self.listeners.check()?;
        let secrets = self.secrets(&config)?;
        let cannot_start = |problems: Vec<String>| Error::internal(format!("the application cannot start:\n  {}", problems.join("\n  ")));
        let table = RouteTable::compile(self.router, &self.stack).map_err(cannot_start)?;
        let stack: Arc<[Layer]> = self.stack.layers().cloned().collect();
        let unreachable = unreachable(table.routes().iter().map(AsRef::as_ref), &stack, &config);
        if !unreachable.is_empty() {
            return Err(cannot_start(unreachable));
        }
        let table = Arc::new(table);
        let templates_dir = self.settings.root().join(&config.templates_dir);
        // In DEBUG files change while the program runs.
        let static_dir = self.settings.root().join(&config.static_dir);
        let static_names = Arc::new(if config.debug { StaticNames::default() } else { StaticNames::read(&static_dir)? });
        let functions = Functions::new(table.clone(), &config.static_url, static_names.clone()).add(self.functions, self.filters);
        let templates = Templates::load(templates_dir, self.templates, config.debug, self.globals, functions)?;
        let derive = |purpose| Keys::derive(purpose, secrets.iter().map(String::as_str));
        let trusted = TrustedOrigins::of_settings(&config.csrf_trusted_origins)?;
        let app = Application {
            table,
            stack,
            keys: derive("cookies"),
            csrf: Csrf::new(derive("csrf"), trusted, self.csrf_binding),
            csp: Policies::of_settings(&config)?,
            secrets,
            templates,
            static_names,
            view_places: Arc::new(Semaphore::new(config.max_blocking_views)),
            budgets: Budgets::new(&config),
            settings: self.settings,
            config,
            state: self.state,
            clock: self.clock,
            background: self.background,
            debug_sections: self.debug_sections,
            listeners: self.listeners,
            forwarding_warning: ForwardingWarning::default(),
        };
        Ok(Arc::new(app))
    }
}

impl Application {
    /// Answers one request: finds its route, runs it through the middleware to the view and back.
    ///
    /// `peer` is the other end of the connection.
    // No async fn: its future would hold the parts beside the request that is made of them.
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
        app.forwarding_warning.look_at(req);
        let lookup = app.table.find(req.method(), req.path(), req.uri().query(), app.config.redirect_slashes);
        let exchange = Exchange::begin(req, &lookup);
        let result = match lookup {
            Lookup::Found(matched) => {
                let route = matched.route.clone();
                req.set_matched(Some(matched));
                Next::new(&route.layers, &route.endpoint).run(req).await
            }
            Lookup::Otherwise(endpoint) => {
                let stack = req.app().stack.clone();
                Next::new(&stack, &endpoint).run(req).await
            }
        };
        // Only without the `Errors` middleware does an error come as far as here.
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

    /// Runs a view for a test, inside those of the middleware that are named, and returns what comes out.
    pub(crate) async fn run_within(&self, req: &mut Request, names: &[&str], view: Arc<dyn BoxedView>) -> Result<Response> {
        let layers: Vec<Layer> = self.stack.iter().filter(|layer| names.contains(&layer.name())).cloned().collect();
        let mut response = Next::new(&layers, &Endpoint::View(view)).run(req).await?;
        let failed = req.conclude(Ok(&response)).has_failed();
        if let Some(cookies) = req.pending_cookies() {
            cookies.write(response.headers_mut(), failed);
        }
        Ok(response)
    }

    /// Returns whether a route answers `GET` of this path; what middleware answers, such as static files, does not count.
    pub fn answers(&self, path: &str) -> bool {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let lookup = self.table.find(&Method::GET, path, None, self.config.redirect_slashes);
        matches!(lookup, Lookup::Found(_) | Lookup::Otherwise(Endpoint::Redirect(_)))
    }

    /// Starts the tasks that run beside the server.
    pub(crate) fn start_background(self: &Arc<Self>, stopping: &watch::Receiver<bool>) -> Vec<tokio::task::JoinHandle<()>> {
        let guarded = |task: &Background| {
            let work = task(self.clone(), stopping.clone());
            let work = async move {
                work.await;
                Ok(())
            };
            async move {
                if let Err(error) = catch_panic(pin!(work)).await {
                    tracing::error!("a background task has ended for good: {error:?}");
                }
            }
        };
        self.background.iter().map(|task| tokio::spawn(guarded(task))).collect()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings that core itself reads.
    pub fn config(&self) -> &CoreSettings {
        &self.config
    }

    /// The project's folder.
    pub fn root(&self) -> &Path {
        self.settings.root()
    }

    /// The folder of static files.
    pub fn static_dir(&self) -> PathBuf {
        self.root().join(&self.config.static_dir)
    }

    /// The folder in which the application stores files, such as uploads. In a test it is a temporary one.
    pub fn media_dir(&self) -> PathBuf {
        self.root().join(&self.config.media_dir)
    }

    /// The names with hashes that static files have; none while `DEBUG` is on.
    pub fn static_names(&self) -> &StaticNames {
        &self.static_names
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The application's own state of type `T`.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.get::<Arc<T>>().map(AsRef::as_ref)
    }

    /// Every route, in the order of the router.
    pub fn routes(&self) -> &[Arc<Route>] {
        self.table.routes()
    }

    /// The names of the middleware around every route, outermost first.
    pub fn middleware(&self) -> impl Iterator<Item = &'static str> {
        self.stack.iter().map(Layer::name)
    }

    /// The path of the route called `name`; see [`Request::url_for`].
    ///
    /// # Errors
    /// Where no route has that name, a parameter is missing, or a value does not fit its type.
    #[track_caller]
    pub fn url_for(&self, name: &str, params: &[(&str, &dyn Display)]) -> Result<String> {
        self.table.url_for(name, params)
    }

    /// Is there a route of this name?
    pub fn has_route(&self, name: &str) -> bool {
        self.table.has_name(name)
    }

    pub(crate) fn secret_pattern(&self, path: &str) -> Option<&str> {
        self.table.secret_pattern(path)
    }

    /// The templates.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    pub(crate) fn debug_sections(&self) -> &[MakeDebugSection] {
        &self.debug_sections
    }

    /// Keys for `purpose`, derived from `SECRET_KEY` and its fallbacks.
    pub fn derive_keys(&self, purpose: &str) -> Keys {
        Keys::derive(purpose, self.secrets.iter().map(String::as_str))
    }

    /// The places for plain views, of which each takes one while it runs.
    pub(crate) fn view_places(&self) -> &Arc<Semaphore> {
        &self.view_places
    }

    /// What the bodies of all requests together may take.
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
