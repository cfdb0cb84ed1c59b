//! Binds CSRF tokens to the session.

use lback_core::{CsrfBinding, Request, Result};

use crate::backend::Received;
use crate::blocking::wait;
use crate::manager::Found;
use crate::request::{RequestSession, Slot};
use crate::store::{Record, user_id};
use crate::{SessionId, SessionManager};

/// Tokens are bound to the id in the cookie, so nothing is loaded unless several cookies came.
impl CsrfBinding for SessionManager {
    fn received(&self, req: &mut Request) -> Result<Option<String>> {
        Ok(received(self, req)?.map(|id| id.to_string()))
    }

    fn next(&self, req: &mut Request) -> Result<Option<String>> {
        match req.session_if_loaded().filter(|session| session.why_broken().is_none()) {
            // It is unknown which cookie the browser has by now.
            Some(session) if session.late_for().is_some() => self.received(req),
            Some(session) => Ok(session.next_id().map(|id| id.to_string())),
            None => self.received(req),
        }
    }

    fn has_changed(&self, req: &Request) -> bool {
        req.session_if_loaded().is_some_and(|session| session.has_changed_hands())
    }

    fn is_anonymous(&self, req: &mut Request) -> Result<bool> {
        if req.extensions().get::<Slot>().is_some() {
            // The view will need it as well.
            let session = req.session();
            return session.why_broken().map_or_else(|| Ok(user_id(session.data()).is_none()), Err);
        }
        Ok(load(self, req)?.is_none_or(|record| record.user_id.is_none()))
    }
}

fn received(manager: &SessionManager, req: &mut Request) -> Result<Option<SessionId>> {
    match manager.brought_by(req.cookies()) {
        Received::Session(record) => Ok(record.map(|record| record.id)),
        Received::Ids(ids) if ids.len() < 2 => Ok(ids.first().copied()),
        // Only the store knows which of several is alive. The view will need the session as well.
        Received::Ids(_) if req.extensions().get::<Slot>().is_some() => {
            let session = req.session();
            session.why_broken().map_or_else(|| Ok(session.base().map(|base| base.id)), Err)
        }
        Received::Ids(ids) => Ok(find(manager, &ids)?.map(|record| record.id)),
    }
}

/// Returns the session that the request came with, for a route without sessions.
fn load(manager: &SessionManager, req: &mut Request) -> Result<Option<Record>> {
    match manager.brought_by(req.cookies()) {
        Received::Session(record) => Ok(record),
        Received::Ids(ids) => find(manager, &ids),
    }
}

fn find(manager: &SessionManager, ids: &[SessionId]) -> Result<Option<Record>> {
    match wait(manager.find(ids))? {
        Found::Session(record) => Ok(Some(record)),
        Found::Ended(_) | Found::Nothing => Ok(None),
    }
}
