//! CSRF tokens belong to a session.

use lback_core::{CsrfBinding, Request, Result};

use crate::request::{RequestSession, Slot};
use crate::store::user_id;
use crate::{SessionManager, cookie};

/// By the id in the cookie, so that nothing is loaded.
impl CsrfBinding for SessionManager {
    fn received(&self, req: &mut Request) -> Option<String> {
        let id = if self.is_in_cookies() {
            let record = cookie::sealed::read(req.cookies(), self.config(), self.keys());
            record.filter(|record| self.is_valid(record)).map(|record| record.id)
        } else {
            cookie::read(req.cookies(), self.config(), self.keys())
        };
        id.map(|id| id.to_string())
    }

    fn next(&self, req: &mut Request) -> Option<String> {
        match req.session_if_loaded().filter(|session| session.why_broken().is_none()) {
            // What the browser has by now is not known.
            Some(session) if session.late_for().is_some() => self.received(req),
            Some(session) => session.next_id().map(|id| id.to_string()),
            None => self.received(req),
        }
    }

    fn has_changed(&self, req: &Request) -> bool {
        req.session_if_loaded().is_some_and(|session| session.has_changed_hands())
    }

    fn is_anonymous(&self, req: &mut Request) -> Result<bool> {
        if req.extensions().get::<Slot>().is_some() {
            // The view will want it as well.
            let session = req.session();
            return session.why_broken().map_or_else(|| Ok(user_id(session.data()).is_none()), Err);
        }
        let record = match self.received(req).and_then(|id| id.parse().ok()) {
            Some(_) if self.is_in_cookies() => cookie::sealed::read(req.cookies(), self.config(), self.keys()),
            Some(id) => self.load(id)?,
            None => None,
        };
        Ok(record.is_none_or(|record| record.user_id.is_none()))
    }
}
