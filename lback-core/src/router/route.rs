//! One route, as middleware and the route list see it.

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

    /// The path that leads to this route, with one of `values` for each parameter of its pattern. Those that it has no place for
    /// are left out, so that a test that walks over all routes needs one list for them.
    ///
    /// ```
    /// # use lback_core::{Assembly, Request, Router, Settings};
    /// # fn view(_: &mut Request) -> &'static str { "" }
    /// let router = Router::new().get("/posts/{id:int}", view).get("/tags/{tag}", view);
    /// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
    /// let app = Assembly::new(router, settings).build().unwrap();
    /// let paths: Vec<String> = app.routes().iter().map(|route| route.path(&[("id", &7), ("tag", &"tea party")]).unwrap()).collect();
    /// assert_eq!(paths, ["/posts/7", "/tags/tea%20party"]);
    /// ```
    ///
    /// # Errors
    /// Where the value of a parameter is missing, or does not fit its type.
    pub fn path(&self, values: &[(&str, &dyn Display)]) -> Result<String> {
        let own = |name: &str| self.pattern.parameters().any(|(parameter, _)| parameter == name);
        let values: Vec<(&str, &dyn Display)> = values.iter().filter(|(name, _)| own(name)).copied().collect();
        self.pattern.fill(&values).map_err(Error::internal)
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
    /// use lback_core::{Assembly, Middleware, Next, Request, Response, Result, Router, Settings, WithHeader};
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
