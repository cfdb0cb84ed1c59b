//! One route, as middleware and the route list see it.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::http::Extensions;

use super::pattern::Pattern;
use super::table::Endpoint;
use crate::middleware::{Layer, Middleware};
use crate::view::BoxedView;

/// One route of the application.
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

    /// The pattern, with the prefixes of the includes around it.
    pub fn pattern(&self) -> &str {
        self.pattern.text()
    }

    /// The methods that were asked for; none means all.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The name, with the prefixes of the includes around it.
    pub fn name(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// The value of this type that the route was given with [`Router::option`](crate::Router::option).
    pub fn option<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.options.get()
    }

    /// Does the view read the body itself?
    pub fn is_streaming(&self) -> bool {
        self.option::<Streaming>().is_some()
    }

    /// Where the route was added, as `file:line:column`.
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    /// The middleware of this route and of the includes around it, outermost first.
    pub fn middleware(&self) -> impl Iterator<Item = &'static str> {
        self.layers[self.layers.len() - self.own_layers..].iter().map(Layer::name)
    }

    /// Those of the middleware of this route and of the includes around it that are an `M`, outermost first: what guards
    /// this route, say.
    ///
    /// ```
    /// use lback_core::{Assembly, Middleware, Next, Request, Response, Result, Router, Settings};
    ///
    /// struct PoweredBy(&'static str);
    ///
    /// impl Middleware for PoweredBy {
    ///     async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
    ///         next.run(req).await?.with_header("x-powered-by", self.0)
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

/// The view reads the body itself; see [`Router::streaming`](crate::Router::streaming).
#[derive(Clone, Copy, Debug)]
pub struct Streaming;

/// How long the view may take; see [`Router::timeout`](crate::Router::timeout).
#[derive(Clone, Copy, Debug)]
pub struct ViewTimeout(pub Duration);

/// How large the body may be, in bytes; see [`Router::body_limit`](crate::Router::body_limit).
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit(pub u64);

/// The route needs no CSRF token; see [`Router::csrf_exempt`](crate::Router::csrf_exempt).
#[derive(Clone, Copy, Debug)]
pub struct CsrfExempt;

/// The path holds a secret; see [`Router::secret_path`](crate::Router::secret_path).
#[derive(Clone, Copy, Debug)]
pub struct SecretPath;
