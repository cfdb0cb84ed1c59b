//! Answers requests from pages of other sites.

use std::sync::atomic::{AtomicBool, Ordering};

use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};

use crate::cors::{CorsPolicy, Preflight};
use crate::origin::{Origin, shortened};
use crate::router::{Endpoint, Lookup};
use crate::{Middleware, Next, Request, Response, Result};

/// Answers the preflights of routes that have [`Cors`](crate::Cors), and adds their headers to all other responses, including errors.
///
/// A preflight is answered before the middleware further in, the guards and the CSRF check: browsers send it without cookies. Place it
/// outside [`Errors`](crate::middleware::Errors).
///
/// The first refusal of each [`Cors`](crate::Cors) is logged as a warning that says what to write, and further ones at the level `debug`; while
/// `DEBUG` is on, all are warnings.
#[derive(Debug, Default)]
pub struct CorsMiddleware {
    has_warned: AtomicBool,
}

impl CorsMiddleware {
    /// Creates the middleware.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Middleware for CorsMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        let preflight = preflight_of(req);
        let Some(policy) = policy(req, preflight.as_ref()) else {
            if preflight.is_some() {
                self.warn_of_missing(req);
            }
            return next.run(req).await;
        };
        let origin = req.headers().get(header::ORIGIN).cloned();
        if let Some(preflight) = preflight {
            return Ok(answer(req, &policy, origin.as_ref(), &preflight));
        }
        let mut result = next.run(req).await;
        let headers = match &mut result {
            Ok(response) => response.headers_mut(),
            Err(error) => error.headers_mut(),
        };
        if policy.allow_origin(origin.as_ref(), headers) {
            policy.expose(headers);
        } else if let Some(origin) = origin {
            warn_of_origin(req, &policy, &origin);
        }
        result
    }

    fn skips(&self, req: &Request) -> bool {
        // A preflight that nothing allows is worth a warning.
        !req.app().has_cors() && *req.method() != Method::OPTIONS
    }
}

/// Returns the preflight, if the request is one.
fn preflight_of(req: &Request) -> Option<Preflight> {
    let text = |name| req.headers().get(name).and_then(|value| value.to_str().ok());
    let method = text(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    if *req.method() != Method::OPTIONS || !req.headers().contains_key(header::ORIGIN) {
        return None;
    }
    // Several lines are one list.
    let lines = req.headers().get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter().filter_map(|line| line.to_str().ok());
    Some(Preflight { method: method.to_owned(), headers: lines.collect::<Vec<_>>().join(", ") })
}

/// Returns the policy of the route that answers the request, or would answer it after the preflight, or else that of its path.
fn policy(req: &Request, preflight: Option<&Preflight>) -> Option<CorsPolicy> {
    let app = req.app();
    if !app.has_cors() {
        return None;
    }
    let of_path = || app.cors(req.path()).cloned();
    match preflight {
        None => req.route().map_or_else(of_path, |route| route.option::<CorsPolicy>().cloned()),
        Some(asked) => match Method::from_bytes(asked.method.as_bytes()).ok().map(|method| app.find_route(&method, req.path())) {
            Some(Lookup::Found(matched)) => matched.route().option::<CorsPolicy>().cloned(),
            _ => of_path(),
        },
    }
}

fn answer(req: &Request, policy: &CorsPolicy, origin: Option<&HeaderValue>, asked: &Preflight) -> Response {
    let mut response = Response::new(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    if policy.allow_origin(origin, headers) {
        if let Some((refused, code)) = policy.allow(asked, &methods(req, &asked.method), headers) {
            let (refused, code, place) = (shortened(&refused), shortened(&code), policy.place());
            warn(req, policy.is_first_warning(), &format!("{refused} is not allowed. If it should be, add {code} to the Cors at {place}"));
        }
    } else if let Some(origin) = origin {
        warn_of_origin(req, policy, origin);
    }
    response
}

/// Returns the methods of the routes at the path of a preflight that asks for `method`.
fn methods(req: &Request, method: &str) -> Vec<Method> {
    let app = req.app();
    let mut methods = match app.find_route(&Method::OPTIONS, req.path()) {
        Lookup::Fallback(Endpoint::Options(allow)) => {
            let names = allow.to_str().unwrap_or_default().split(", ");
            names.filter_map(|name| Method::from_bytes(name.as_bytes()).ok()).filter(|method| *method != Method::OPTIONS).collect()
        }
        _ => Vec::new(),
    };
    // A route for all methods does not list them, and the address may redirect to the one with a slash.
    if let Ok(asked) = Method::from_bytes(method.as_bytes())
        && !methods.contains(&asked)
        && matches!(app.find_route(&asked, req.path()), Lookup::Found(_) | Lookup::Fallback(Endpoint::Redirect(_)))
    {
        methods.push(asked);
    }
    methods
}

fn warn_of_origin(req: &Request, policy: &CorsPolicy, origin: &HeaderValue) {
    let origin = String::from_utf8_lossy(origin.as_bytes());
    // Browsers also name the origin of the site's own pages.
    if Origin::parse(&origin).is_some_and(|origin| origin.is_target_of(req)) {
        return;
    }
    let (origin, place) = (shortened(&origin), policy.place());
    let remedy = match &*origin {
        "null" => "It is that of a local file or of a page in a sandbox; serve the page by HTTP".to_owned(),
        origin => format!("If they may, add it to the Cors at {place}: Cors::new([\"{origin}\", …])"),
    };
    warn(req, policy.is_first_warning(), &format!("pages of the origin {origin} may not read the responses. {remedy}"));
}

impl CorsMiddleware {
    fn warn_of_missing(&self, req: &Request) {
        let origin = shortened(req.header("origin").unwrap_or_default());
        let is_first = req.app().config().debug || !self.has_warned.swap(true, Ordering::Relaxed);
        let remedy = format!("If it may, write .cors(Cors::new([\"{origin}\"])) after the route or its include");
        warn(req, is_first, &format!("a page of {origin} asks to send a request, which nothing allows. {remedy}"));
    }
}

fn warn(req: &Request, is_first: bool, message: &str) {
    let (id, path) = (req.id(), req.logged_path());
    match is_first || req.app().config().debug {
        true => tracing::warn!(target: "lback::cors", %id, path, "CORS: {message}"),
        false => tracing::debug!(target: "lback::cors", %id, path, "CORS: {message}"),
    }
}
