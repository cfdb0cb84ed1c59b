//! The compiled routes: finds the route for a path in a time that does not grow with their number.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::future::ready;
use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::http::Extensions;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::pattern::Pattern;
use super::shape::Shape;
use super::{Entry, JsonErrors, Route, Router, SecretPath, Target};
use crate::cors::CorsPolicy;
use crate::middleware::body::answer_refused;
use crate::middleware::{Layer, Stack, check_order};
use crate::view::{BoxFuture, BoxedView};
use crate::{Error, Request, Response, Result};

/// All routes of the application.
pub(crate) struct RouteTable {
    /// Finds the narrowest shape of a path, which is the right one for almost every request.
    tree: matchit::Router<usize>,
    /// Narrower shapes first.
    shapes: Vec<Shape>,
    routes: Vec<Arc<Route>>,
    names: HashMap<String, Arc<Route>>,
    /// The paths whose errors are JSON.
    json: Vec<Shape>,
    /// The paths that pages of other sites may call; those of inner includes come after those around them.
    cors: Vec<(Shape, CorsPolicy)>,
}

/// The innermost part of the middleware stack: the view, or the response if there is none.
pub(crate) enum Endpoint {
    View(Arc<dyn BoxedView>),
    NotFound,
    NotAllowed(HeaderValue),
    Options(HeaderValue),
    Redirect(String),
    Malformed(&'static str),
    /// Takes the place of a middleware that refuses the request before its body is read.
    Refused,
}

/// The result of looking up a path.
pub(crate) enum Lookup {
    Found(Matched),
    Fallback(Endpoint),
}

/// A route and the values of its parameters.
#[derive(Clone)]
pub(crate) struct Matched {
    pub(crate) route: Arc<Route>,
    values: Vec<String>,
}

impl Matched {
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    pub(crate) fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.route.pattern.parameters().map(|(name, _)| name);
        names.zip(self.values.iter().map(String::as_str))
    }
}

impl Endpoint {
    pub(crate) fn answer<'a>(&'a self, req: &'a mut Request) -> BoxFuture<'a, Result<Response>> {
        let result = match self {
            Endpoint::View(view) => return view.call(req),
            Endpoint::Refused => return answer_refused(req),
            Endpoint::NotFound => Err(Error::not_found("There is no page at this address.")),
            Endpoint::NotAllowed(allow) => Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not support that method.")
                .with_header(header::ALLOW, allow.clone())),
            Endpoint::Options(allow) => {
                let mut response = Response::new(StatusCode::NO_CONTENT);
                response.headers_mut().insert(header::ALLOW, allow.clone());
                Ok(response)
            }
            Endpoint::Redirect(location) => Ok(Response::redirect(location).with_status(StatusCode::PERMANENT_REDIRECT)),
            Endpoint::Malformed(why) => Err(Error::bad_request(*why)),
        };
        Box::pin(ready(result))
    }
}

impl RouteTable {
    /// Compiles a router. `stack` is the middleware around every route.
    ///
    /// The error lists all problems with their locations in the source.
    pub(crate) fn compile(router: Router, stack: &Stack) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let layers: Vec<Layer> = stack.layers().cloned().collect();
        if let Err(problem) = check_order(&layers) {
            problems.push(problem);
        }
        let mut flattener = Flattener { routes: Vec::new(), json: Vec::new(), cors: Vec::new(), problems, stack };
        flattener.add(router, &IncludeContext::default());
        let Flattener { routes, json, cors, mut problems, .. } = flattener;

        let names = names(&routes, &mut problems);
        let shapes = shapes(&routes, &mut problems);
        let tree = tree(&shapes, &mut problems);
        match problems.is_empty() {
            true => Ok(RouteTable { tree, shapes, routes, names, json, cors }),
            false => Err(problems),
        }
    }

    /// Returns the routes in the order in which they were added.
    pub(crate) fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Finds the route or response for `method` at `path`, which is still percent-encoded.
    pub(crate) fn find(&self, method: &Method, path: &str, query: Option<&str>, redirect_slashes: bool) -> Lookup {
        if *method == Method::OPTIONS && path == "*" {
            return Lookup::Fallback(Endpoint::Options(HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")));
        }
        if !path.starts_with('/') {
            return Lookup::Fallback(Endpoint::NotFound);
        }
        let Some(path) = normalize(path) else {
            return Lookup::Fallback(Endpoint::Malformed("The address is not valid: it contains bytes that are not text."));
        };
        let mut allow = Vec::new();
        if let Some(matched) = self.match_route(&path, method, &mut allow) {
            return Lookup::Found(matched);
        }
        if redirect_slashes && let Some(other) = other_slash(&path) {
            let mut others = Vec::new();
            let answers = self.match_route(&other, method, &mut others).is_some();
            if (answers && *method != Method::OPTIONS) || (allow.is_empty() && (answers || !others.is_empty())) {
                let escaped = percent_encoding::utf8_percent_encode(&other, REDIRECT);
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                return Lookup::Fallback(Endpoint::Redirect(format!("{escaped}{query}")));
            }
        }
        Lookup::Fallback(match allow.is_empty() {
            true => Endpoint::NotFound,
            false if *method == Method::OPTIONS => Endpoint::Options(allow_value(allow)),
            false => Endpoint::NotAllowed(allow_value(allow)),
        })
    }

    /// Returns the pattern of a route with a [secret path](Router::secret_path) that `path` matches, or would match with
    /// another method or with or without a trailing slash.
    pub(crate) fn secret_pattern(&self, path: &str) -> Option<&str> {
        let path = normalize(path)?;
        let other_slash = other_slash(&path);
        let paths = [Some(&*path), other_slash.as_deref()];
        let matches = |shape: &&Shape| paths.iter().flatten().any(|path| shape.values(path).is_some());
        let mut routes = self.shapes.iter().filter(matches).flat_map(|shape| &shape.routes);
        routes.find(|route| route.option::<SecretPath>().is_some()).map(|route| route.pattern())
    }

    /// Returns whether errors at this path are answered as JSON, whether or not a route matches it.
    pub(crate) fn has_json_errors(&self, path: &str) -> bool {
        covers(&self.json, path, |shape| shape).next().is_some()
    }

    /// Returns the policy for requests of other sites to this path, whether or not a route matches it.
    pub(crate) fn cors(&self, path: &str) -> Option<&CorsPolicy> {
        covers(&self.cors, path, |(shape, _)| shape).last().map(|(_, policy)| policy)
    }

    /// Returns whether pages of other sites may call any path.
    pub(crate) fn has_cors(&self) -> bool {
        !self.cors.is_empty()
    }

    /// Returns the route that matches the path and the method. If there is none, `allow` collects the methods of the routes
    /// that match the path.
    ///
    /// The narrowest shape does not hide any other: if none of its routes matches, the others are tried in turn, each once.
    fn match_route(&self, path: &str, method: &Method, allow: &mut Vec<Method>) -> Option<Matched> {
        if let Ok(found) = self.tree.at(path)
            && let Some(shape) = self.shapes.get(*found.value)
        {
            let values: Vec<String> = found.params.iter().map(|(_, value)| decode(value)).collect();
            if let Some(route) = shape.pick(&values, method, allow) {
                return Some(Matched { route: route.clone(), values });
            }
        }
        allow.clear();
        self.shapes.iter().find_map(|shape| {
            let values: Vec<String> = shape.values(path)?.into_iter().map(decode).collect();
            let route = shape.pick(&values, method, allow)?.clone();
            Some(Matched { route, values })
        })
    }

    /// Returns the path of the route called `name`.
    #[track_caller]
    pub(crate) fn url_for(&self, name: &str, params: &[(&str, &dyn Display)]) -> Result<String> {
        let Some(route) = self.names.get(name) else {
            return Err(Error::internal(
                match crate::settings::nearest(name, &self.names.keys().map(String::as_str).collect::<Vec<_>>()) {
                    Some(near) => format!("no route is called \"{name}\"; did you mean \"{near}\"?"),
                    None => format!("no route is called \"{name}\"; name one with .name(\"{name}\") after it in the router"),
                },
            ));
        };
        match route.pattern.fill(params) {
            Ok(path) => Ok(path),
            Err(why) => Err(Error::internal(format!("url_for(\"{name}\"): {why}"))),
        }
    }

    /// Returns whether the pattern of the route called `name` has the parameter `parameter`.
    pub(crate) fn has_parameter(&self, name: &str, parameter: &str) -> bool {
        self.names.get(name).is_some_and(|route| route.pattern.parameters().any(|(own, _)| own == parameter))
    }

    /// Returns whether there is a route with this name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }
}

/// Returns the entries whose shape covers the path, with or without a trailing slash.
fn covers<'t, T>(entries: &'t [T], path: &str, shape: impl Fn(&T) -> &Shape) -> impl Iterator<Item = &'t T> {
    // Most applications have no such entries.
    let path = if entries.is_empty() { None } else { Some(normalize(path).map_or_else(|| path.to_owned(), Cow::into_owned)) };
    let other_slash = path.as_deref().and_then(other_slash);
    let paths = [path, other_slash];
    entries.iter().filter(move |entry| paths.iter().flatten().any(|path| shape(entry).values(path).is_some()))
}

/// The settings that the includes around a route contribute to it.
#[derive(Clone, Default)]
struct IncludeContext {
    prefix: String,
    name: String,
    layers: Vec<Layer>,
    options: Extensions,
}

struct Flattener<'a> {
    routes: Vec<Arc<Route>>,
    json: Vec<Shape>,
    cors: Vec<(Shape, CorsPolicy)>,
    problems: Vec<String>,
    stack: &'a Stack,
}

impl Flattener<'_> {
    fn add(&mut self, router: Router, outer: &IncludeContext) {
        self.problems.extend(router.problems);
        for Entry { pattern, target, name, layers, options, place } in router.entries {
            let mut inner = outer.clone();
            inner.prefix = Pattern::text_below(&outer.prefix, &pattern);
            inner.layers.extend(layers);
            let shapes = || {
                let below = matches!(target, Target::Include(_)).then(|| Pattern::text_below(&inner.prefix, "/{errors_below:path}"));
                let patterns = [Some(inner.prefix.clone()), below].into_iter().flatten().filter_map(|text| Pattern::parse(&text).ok());
                patterns.map(|pattern| Shape::new(&pattern, Vec::new()))
            };
            if options.get::<JsonErrors>().is_some() {
                self.json.extend(shapes());
            }
            if let Some(policy) = options.get::<CorsPolicy>() {
                self.cors.extend(shapes().map(|shape| (shape, policy.clone())));
            }
            inner.options.extend(options);
            match target {
                Target::Include(router) => {
                    if let Err(problem) = Pattern::parse(&pattern) {
                        self.problems.push(format!("{place}: {problem}"));
                        continue;
                    }
                    inner.name.extend(name.map(|name| format!("{name}:")));
                    self.add(router, &inner);
                }
                Target::View(view, methods) => match Pattern::parse(&inner.prefix) {
                    Err(problem) => self.problems.push(format!("{place}: {problem}")),
                    Ok(pattern) => {
                        let mut route = Route::new(pattern, methods, view, inner.options, place);
                        route.names = name.map(|name| format!("{}{name}", inner.name)).into_iter().collect();
                        route.own_layers = inner.layers.len();
                        route.layers = self.stack.layers().chain(&inner.layers).cloned().collect();
                        if route.own_layers > 0
                            && let Err(problem) = check_order(&route.layers)
                            // One fix covers all routes, so the problem is listed once.
                            && !self.problems.iter().any(|known| known.ends_with(&problem))
                        {
                            self.problems.push(format!("{place}: {problem}"));
                        }
                        self.routes.push(Arc::new(route));
                    }
                },
            }
        }
    }
}

fn names(routes: &[Arc<Route>], problems: &mut Vec<String>) -> HashMap<String, Arc<Route>> {
    let mut names: HashMap<String, Arc<Route>> = HashMap::new();
    for route in routes {
        for name in &route.names {
            match names.get(name) {
                Some(other) if other.pattern != route.pattern => problems.push(format!(
                    "two routes are called \"{name}\": {} at {} and {} at {}; rename one",
                    other.pattern(),
                    other.place(),
                    route.pattern(),
                    route.place()
                )),
                _ => drop(names.insert(name.clone(), route.clone())),
            }
        }
    }
    names
}

fn shapes(routes: &[Arc<Route>], problems: &mut Vec<String>) -> Vec<Shape> {
    let mut by_shape: BTreeMap<String, Vec<Arc<Route>>> = BTreeMap::new();
    for route in routes {
        let same = by_shape.entry(route.pattern.shape()).or_default();
        let kinds = |route: &Route| route.pattern.parameters().map(|(_, kind)| kind).collect::<Vec<_>>();
        let overlap =
            |other: &Route| other.methods.is_empty() || route.methods.is_empty() || other.methods.iter().any(|m| route.methods.contains(m));
        if let Some(other) = same.iter().find(|other| kinds(other) == kinds(route) && overlap(other)) {
            problems.push(collision(other, route));
        }
        same.push(route.clone());
        // A stable sort, so that routes of the same type keep the order of the list.
        same.sort_by_key(|route| kinds(route));
    }
    let mut shapes: Vec<Shape> =
        by_shape.into_values().filter_map(|routes| Some(Shape::new(&routes.first()?.pattern.clone(), routes))).collect();
    shapes.sort_by(Shape::cmp_narrowness);
    shapes
}

fn tree(shapes: &[Shape], problems: &mut Vec<String>) -> matchit::Router<usize> {
    let mut tree = matchit::Router::new();
    for (at, shape) in shapes.iter().enumerate() {
        let Some(route) = shape.routes.first() else { continue };
        if let Err(error) = tree.insert(route.pattern.shape(), at) {
            let conflict = match &error {
                matchit::InsertError::Conflict { with } => {
                    shapes.iter().filter_map(|other| other.routes.first()).find(|other| other.pattern.shape() == *with)
                }
                _ => None,
            };
            problems.push(match conflict {
                Some(other) => format!(
                    "two routes cannot be told apart: {} at {} and {} at {}; in the place of a parameter, other routes may have fixed text, but \
                     neither a parameter with different text around it nor {{…:path}}",
                    other.pattern(),
                    other.place(),
                    route.pattern(),
                    route.place()
                ),
                None => format!("{}: the pattern {} cannot be used: {error}", route.place(), route.pattern()),
            });
        }
    }
    tree
}

fn collision(one: &Route, other: &Route) -> String {
    format!(
        "two routes answer the same paths: {} at {} and {} at {}; change or remove one",
        one.pattern(),
        one.place(),
        other.pattern(),
        other.place()
    )
}

/// Decodes the path except for `%2F` (which is not a separator) and `%25` (so that decoding stays unambiguous). A percent sign
/// that does not start an escape becomes `%25`. Returns `None` if the path is not UTF-8 or contains a null byte.
fn normalize(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut protected = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        protected.push_str(before);
        let is_escape = from.as_bytes().get(1..3).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
        protected.push_str(match from.get(..3) {
            Some(code) if code.eq_ignore_ascii_case("%2f") || code == "%25" => "%25",
            _ if is_escape => "%",
            _ => "%2525",
        });
        rest = &from[1..];
    }
    protected.push_str(rest);
    let decoded = percent_decode_str(&protected).decode_utf8().ok()?.into_owned();
    (!decoded.contains('\0')).then_some(Cow::Owned(decoded))
}

/// Decodes what [`normalize`] left encoded.
fn decode(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

const REDIRECT: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'?').add(b'#').add(b'\\').add(b'`').add(b'{').add(b'}');

/// Returns the path with its trailing slash removed, or with one added. Returns `None` if that could lead to another host.
fn other_slash(path: &str) -> Option<String> {
    if path.starts_with("//") || path.starts_with("/\\") || path == "/" {
        return None;
    }
    Some(match path.strip_suffix('/') {
        Some(shorter) => shorter.to_owned(),
        None => format!("{path}/"),
    })
}

fn allow_value(mut methods: Vec<Method>) -> HeaderValue {
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    methods.push(Method::OPTIONS);
    let mut names: Vec<_> = methods.iter().map(Method::as_str).collect();
    names.sort_unstable();
    names.dedup();
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}
