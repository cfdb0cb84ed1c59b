//! Protection from forged forms.

use lback_core::Result;
use lback_core::middleware::{CsrfMiddleware, Slot};
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
        Ok(())
    }
}
