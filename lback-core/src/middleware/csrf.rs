//! Protection against cross-site request forgery (CSRF).

use hyper::Method;

use super::body::defer_csrf_check;
use crate::router::CsrfExempt;
use crate::{Middleware, Next, Request, Response, Result, csrf};

/// Answers 403 to a POST, PUT, PATCH or DELETE request, or one with any other method that may change something, if it carries
/// no valid token of this site or if the browser reports that it comes from another site.
///
/// The token is in the form, where `{{ csrf_input() }}` puts it, or in the header `X-CSRF-Token`. Routes that are marked
/// [`csrf_exempt`](crate::Router::csrf_exempt) are not checked, nor are requests whose cookies are [ignored](Request::ignore_cookies). See
/// [`Request::csrf_token`].
///
/// ```
/// # use lback_core::testing::Client;
/// # use lback::{Request, Router};
/// # use lback::app::Assembly;
/// # use lback::settings::Settings;
/// use lback::middleware::{BodyReader, CsrfMiddleware, Errors};
///
/// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
/// let router = Router::new()
///     .get("/", |req: &mut Request| req.csrf_token())
///     .post("/delete", |_: &mut Request| "deleted")
///     .post("/hook", |_: &mut Request| "called").csrf_exempt();
/// let mut assembly = Assembly::new(router, settings);
/// assembly.stack_mut().push(Errors).push(BodyReader).push(CsrfMiddleware::new());
/// let client = Client::new(assembly.build().unwrap());
/// client.enforce_csrf();
///
/// client.post("/delete").send().assert_status(403);
/// let token = client.get("/").send().text().to_owned();
/// client.post("/delete").form(&[("csrf_token", token)]).send().assert_status(200);
/// client.post("/hook").send().assert_status(200);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CsrfMiddleware {
    requires: &'static [&'static str],
}

impl CsrfMiddleware {
    /// Creates the middleware, which must be inside the `BodyReader`.
    pub fn new() -> Self {
        CsrfMiddleware { requires: &["BodyReader"] }
    }

    /// Creates the middleware, which must be inside the middleware with these names: the one that reads the form, and those
    /// that provide what tokens are [bound to](crate::CsrfBinding).
    pub fn inside(names: &'static [&'static str]) -> Self {
        CsrfMiddleware { requires: names }
    }
}

impl Default for CsrfMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for CsrfMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if is_protected(req) && !defer_csrf_check(req) {
            csrf::check(req)?;
        }
        let result = next.run(req).await;
        csrf::rotate_if_changed(req)?;
        result
    }

    /// Refuses requests from other sites and requests with a wrong token in the header. The token of a form is checked later,
    /// as it is in the body.
    fn before_body(&self, req: &mut Request) -> Result<()> {
        if is_protected(req) { csrf::check_head(req) } else { Ok(()) }
    }

    fn requires(&self) -> &'static [&'static str] {
        self.requires
    }
}

/// Returns whether the request needs a token. A request that no route answers changes nothing, and one whose cookies are ignored cannot be
/// forged.
fn is_protected(req: &Request) -> bool {
    let is_safe = matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !is_safe && !req.ignores_cookies() && req.route().is_some_and(|route| route.option::<CsrfExempt>().is_none())
}
