//! A route, as seen by middleware and the route list.

use std::fmt;
use std::fmt::Display;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::http::Extensions;

use super::pattern::Pattern;
use super::table::Endpoint;
use crate::middleware::{Layer, Middleware};
use crate::view::BoxedView;
use crate::{Error, Result};

/// A route of the application.
pub struct Route {
    pub(crate) pattern: Pattern,
    pub(crate) methods: Vec<Method>,
    pub(crate) names: Vec<String>,
    pub(crate) layers: Arc<[Layer]>,
    pub(crate) endpoint: Endpoint,
    pub(crate) own_layers: usize,
    options: Extensions,
    place: &'static Location<'static>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("methods", &self.methods)
            .field("pattern", &self.pattern())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Route {
    pub(crate) fn new(
        pattern: Pattern,
        methods: Vec<Method>,
        view: Arc<dyn BoxedView>,
        options: Extensions,
        place: &'static Location<'static>,
    ) -> Self {
        let endpoint = Endpoint::View(view);
        Route { pattern, methods, names: Vec::new(), layers: Arc::default(), endpoint, own_layers: 0, options, place }
    }

    /// Returns the pattern, with the prefixes of the includes around it.
    pub fn pattern(&self) -> &str {
        self.pattern.text()
    }

    /// Returns the methods of the route; none means all.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Returns the name, with the prefixes of the includes around it.
    pub fn name(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// Returns the path of this route, with one of `values` for each parameter of its pattern. Other values are ignored, so a
    /// test that iterates over all routes needs only one list.
    ///
    /// ```
    /// # use lback::{Request, Router};
    /// # use lback::app::Assembly;
    /// # use lback::settings::Settings;
    /// # fn view(_: &mut Request) -> &'static str { "" }
    /// let router = Router::new().get("/posts/{id:int}", view).get("/tags/{tag}", view);
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// let app = Assembly::new(router, settings).build().unwrap();
    /// let paths: Vec<String> = app.routes().iter().map(|route| route.path(&[("id", &7), ("tag", &"tea party")]).unwrap()).collect();
    /// assert_eq!(paths, ["/posts/7", "/tags/tea%20party"]);
    /// ```
    ///
    /// # Errors
    /// Returns an error if the value of a parameter is missing or does not match its type.
    pub fn path(&self, values: &[(&str, &dyn Display)]) -> Result<String> {
        let own = |name: &str| self.pattern.parameters().any(|(parameter, _)| parameter == name);
        let values: Vec<(&str, &dyn Display)> = values.iter().filter(|(name, _)| own(name)).copied().collect();
        self.pattern.fill(&values).map_err(Error::internal)
    }

    /// Returns the value of this type that was attached to the route with [`Router::option`](crate::Router::option).
    pub fn option<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.options.get()
    }

    /// Returns whether the view reads the body itself.
    pub fn is_streaming(&self) -> bool {
        self.option::<Streaming>().is_some()
    }

    /// Returns where the route was added, as `file:line:column`.
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    /// Returns the names of the middleware of this route and of the includes around it, outermost first.
    pub fn middleware(&self) -> impl Iterator<Item = &'static str> {
        self.layers[self.layers.len() - self.own_layers..].iter().map(Layer::name)
    }

    /// Returns the middleware of type `M` of this route and of the includes around it, outermost first: for example, the guards
    /// of the route.
    ///
    /// ```
    /// use lback::{Request, Response, Result, Router};
    /// use lback::app::Assembly;
    /// use lback::http::WithHeader;
    /// use lback::middleware::{Middleware, Next};
    /// use lback::settings::Settings;
    ///
    /// struct PoweredBy(&'static str);
    ///
    /// impl Middleware for PoweredBy {
    ///     async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
    ///         next.run(req).await.with_header("x-powered-by", self.0)
    ///     }
    /// }
    ///
    /// let router = Router::new().get("/", |_: &mut Request| "hello").middleware(PoweredBy("steam"));
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// let app = Assembly::new(router, settings).build().unwrap();
    /// assert_eq!(app.routes()[0].middleware_of::<PoweredBy>().next().unwrap().0, "steam");
    /// ```
    pub fn middleware_of<M: Middleware>(&self) -> impl Iterator<Item = &M> {
        self.layers[self.layers.len() - self.own_layers..].iter().filter_map(Layer::downcast)
    }

    pub(crate) fn answers(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }
}

/// Marks a route whose view reads the body itself; see [`Router::streaming`](crate::Router::streaming).
#[derive(Clone, Copy, Debug)]
pub struct Streaming;

/// The maximum time for the view; see [`Router::timeout`](crate::Router::timeout).
#[derive(Clone, Copy, Debug)]
pub struct ViewTimeout(pub Duration);

/// The maximum size of the body, in bytes; see [`Router::body_limit`](crate::Router::body_limit).
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit(pub u64);

/// Marks a route that needs no CSRF token; see [`Router::csrf_exempt`](crate::Router::csrf_exempt).
#[derive(Clone, Copy, Debug)]
pub struct CsrfExempt;

/// Marks a route whose path contains a secret; see [`Router::secret_path`](crate::Router::secret_path).
#[derive(Clone, Copy, Debug)]
pub struct SecretPath;

/// Marks a route whose errors are JSON; see [`Router::json`](crate::Router::json).
#[derive(Clone, Copy, Debug)]
pub struct JsonErrors;
