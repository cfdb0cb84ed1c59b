//! Gives every request its session, and saves it at the end.

use lback_core::{Middleware, Next, Request, Response, Result};

use crate::end_of_request::{End, finish};
use crate::request::{RouteSession, Slot};
use crate::{SessionManager, panel};

/// Makes [`req.session()`](crate::RequestSession::session) work: the session is loaded when it is first used, and changes are saved on
/// the way out, together with the view's database work.
#[derive(Debug)]
pub struct SessionMiddleware {
    manager: SessionManager,
}

impl SessionMiddleware {
    /// Returns the middleware for the sessions of this manager.
    pub fn new(manager: SessionManager) -> Self {
        SessionMiddleware { manager }
    }
}

impl Middleware for SessionMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if req.route().is_some_and(|route| !route.has_session()) {
            return next.run(req).await;
        }
        req.extensions_mut().insert(Slot::new(self.manager.clone()));
        let result = next.run(req).await;
        let session = req.extensions_mut().get_mut::<Slot>().and_then(Slot::take);
        match session {
            None => result,
            Some(session) => {
                panel::record(&session);
                match finish(req, session, result) {
                    End::Reached(result) => result,
                    End::Writing(writing) => writing.await,
                }
            }
        }
    }

    fn requires(&self) -> &'static [&'static str] {
        if self.manager.backend().is_in_database() { &["DbSessionMiddleware"] } else { &[] }
    }
}
