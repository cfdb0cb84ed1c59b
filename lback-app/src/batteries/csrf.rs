//! Protection against cross-site request forgery (CSRF).

use lback_core::middleware::{CsrfMiddleware, Slot};
use lback_core::{CsrfExempt, Method, Result};
use lback_session::SessionManager;

use crate::battery::{Battery, Setup};

pub(crate) struct Csrf;

impl Battery for Csrf {
    fn name(&self) -> &'static str {
        "csrf"
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> Result<()> {
        let middleware = match setup.find_state::<SessionManager>() {
            Some(_) => CsrfMiddleware::inside(&["BodyReader", "SessionMiddleware"]),
            None => CsrfMiddleware::new(),
        };
        setup.middleware(Slot::Csrf, middleware);
        setup.route_note(|route| {
            let is_safe = |method: &Method| matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
            let changes = route.methods().is_empty() || !route.methods().iter().all(is_safe);
            (changes && route.option::<CsrfExempt>().is_some()).then(|| "CSRF exempt".to_owned())
        });
        Ok(())
    }
}
