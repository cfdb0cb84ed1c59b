//! The builder of an application.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::http::Extensions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};

use super::{Application, Background, MakeDebugSection};
use crate::config::CoreSettings;
use crate::csp::Policies;
use crate::csrf::{Csrf, CsrfBinding, TrustedOrigins};
use crate::error_page::DebugSection;
use crate::forwarding_warning::ForwardingWarning;
use crate::middleware::{IntoMiddleware, Layer, Slot, Stack};
use crate::profile::Panel;
use crate::request::{Budgets, Keys};
use crate::router::{RouteTable, Router, unreachable};
use crate::settings::{Settings, secret_key};
use crate::signals::Listeners;
use crate::static_names::StaticNames;
use crate::templates::{Functions, TemplateArgs, TemplateFilter, TemplateFunction, TemplateGlobal, Templates};
use crate::view_threads::ViewThreads;
use crate::{Clock, ProgramError, ProgramResult, Request, Result, error_page, panics};

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
