//! Refuses forms that another site made a visitor's browser send.

use hyper::Method;

use super::body::put_off_csrf;
use crate::router::CsrfExempt;
use crate::{Middleware, Next, Request, Response, Result, csrf};

/// Answers 403 to every POST, PUT, PATCH and DELETE, and every other method that may change something, which does not carry
/// a token of this site, or which a browser says comes from another one.
///
/// The token is in the form, where `{{ csrf_input() }}` put it, or in the header `X-CSRF-Token`. A route that is marked
/// [`csrf_exempt`](crate::Router::csrf_exempt) is left alone. See [`Request::csrf_token`].
///
/// ```
/// # use lback_core::testing::Client;
/// # use lback_core::{Assembly, Request, Router, Settings};
/// use lback_core::middleware::{BodyReader, CsrfMiddleware, Errors};
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
    /// Inside the middleware that reads the form.
    pub fn new() -> Self {
        CsrfMiddleware { requires: &["BodyReader"] }
    }

    /// Inside the middleware of these names: that which reads the form, and those that know what tokens are
    /// [bound to](crate::CsrfBinding).
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
        if is_protected(req) && !put_off_csrf(req) {
            csrf::check(req)?;
        }
        let result = next.run(req).await;
        csrf::rotate_if_changed(req)?;
        result
    }

    /// Refuses what comes from another site, and a wrong token in the header. The token of a form is in the body.
    fn before_body(&self, req: &mut Request) -> Result<()> {
        if is_protected(req) { csrf::check_head(req) } else { Ok(()) }
    }

    fn requires(&self) -> &'static [&'static str] {
        self.requires
    }
}

/// What no route answers changes nothing.
fn is_protected(req: &Request) -> bool {
    let is_safe = matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !is_safe && req.route().is_some_and(|route| route.option::<CsrfExempt>().is_none())
}
