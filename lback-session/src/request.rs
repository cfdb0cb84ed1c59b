//! Access to the session from a request.

use std::future::Future;

use lback_core::profile::Profile;
use lback_core::{Caching, Error, Request, Result, Route, Router, StatusCode};
use lback_db::RequestSignal;

use crate::backend::Received;
use crate::blocking::wait;
use crate::flash::Viewing;
use crate::manager::Found;
use crate::sealed::Sealed;
use crate::signals::SessionsRevoked;
use crate::store::SessionInfo;
use crate::stores::rows;
use crate::{AppSession, SessionId, SessionManager};

/// Adds the session to [`Request`].
pub trait RequestSession: Sealed {
    /// Returns the visitor's session. The first call loads it.
    ///
    /// This always returns a session. If the store cannot be read, its methods fail and the request is answered with 503. That logs
    /// nobody out. If the [cookies are ignored](Request::ignore_cookies), the session is empty, and nothing of it is kept.
    fn session(&mut self) -> &mut AppSession;

    /// As [`session`](Self::session), for async views of applications whose sessions are on a server, in PostgreSQL or Redis: it loads
    /// the session without blocking the thread. Once it is loaded, `session` does not block either.
    ///
    /// ```
    /// # use lback::{Request, Result};
    /// # use lback::session::RequestSession;
    /// async fn cart(req: &mut Request) -> Result<String> {
    ///     let cart: Vec<String> = req.load_session().await.get("cart")?.unwrap_or_default();
    ///     Ok(cart.join(", "))
    /// }
    /// ```
    fn load_session(&mut self) -> impl Future<Output = &mut AppSession> + Send;

    /// Returns the session if this request has loaded it.
    fn session_if_loaded(&self) -> Option<&AppSession>;

    /// Returns whether the visitor brings a session, which may have expired. The response does not depend on the session by that.
    #[doc(hidden)]
    fn brings_session(&mut self) -> bool;

    /// Forgets the session that this request has loaded, after the request has [ignored its cookies](Request::ignore_cookies).
    #[doc(hidden)]
    fn forget_session(&mut self);

    /// Returns the sessions of a user that have not expired, the last used first: "where you are logged in".
    ///
    /// # Errors
    /// Returns 503 if the store cannot be read, and 500 if it cannot list sessions or there is no `SessionMiddleware`.
    fn user_sessions(&mut self, user_id: i64) -> Result<Vec<SessionInfo>>;

    /// Ends the sessions of a user, except one: "log out my other devices". Returns their number.
    ///
    /// If the request's transaction is open, this is part of it; a transaction of SQLite that has only read so far is ended before.
    ///
    /// If the session of this request is among them, it [is deleted](AppSession::delete): the browser forgets it, and what is written
    /// from then on, such as a message for the next page, belongs to a new session.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written, and 500 if it cannot revoke sessions or there is no `SessionMiddleware`.
    fn revoke_user_sessions(&mut self, user_id: i64, except: Option<SessionId>) -> Result<u64>;
}

/// The session of a request, or the place for it.
pub(crate) struct Slot {
    manager: SessionManager,
    session: Option<AppSession>,
    finished: bool,
}

impl Slot {
    pub(crate) fn new(manager: SessionManager) -> Self {
        Slot { manager, session: None, finished: false }
    }

    /// Takes the session, if the request has loaded it. One that is loaded from now on is read-only: changes would be lost.
    pub(crate) fn take(&mut self) -> Option<AppSession> {
        self.finished = true;
        self.session.take()
    }

    fn fill(&mut self, mut session: AppSession) {
        if self.finished {
            session.finish();
        }
        self.session = Some(session);
    }

    /// The session that was put back was stored under this id.
    pub(crate) fn stored_as(&mut self, id: SessionId) {
        if let Some(session) = &mut self.session {
            session.stored_as(id);
        }
    }

    /// Puts the session back, read-only, for middleware that looks at it on the way out.
    pub(crate) fn put_back(&mut self, session: AppSession) {
        self.fill(session);
    }
}

impl RequestSession for Request {
    fn session(&mut self) -> &mut AppSession {
        if let Some(manager) = self.extensions().get::<Slot>().filter(|slot| slot.session.is_none()).map(|slot| slot.manager.clone()) {
            self.limit_caching(Caching::PerVisitor);
            let session = load(self, manager).viewed_by(Viewing::of(self));
            if let Some(slot) = self.extensions_mut().get_mut::<Slot>() {
                slot.fill(session);
            }
        }
        let is_error_page = self.is_error_page();
        let slot = self.extensions_mut().get_or_insert_with(|| Slot::new(SessionManager::detached()));
        slot.session.get_or_insert_with(|| {
            // An error page for a request that was refused before it reached the SessionMiddleware shows an empty session.
            if is_error_page {
                let mut session = AppSession::new(SessionManager::detached(), None);
                session.finish();
                return session;
            }
            let why = "this request has no session: the SessionMiddleware is not in the stack, or stands inside the one that asks, \
                       or the route says without_session()";
            AppSession::broken(SessionManager::detached(), StatusCode::INTERNAL_SERVER_ERROR, why.to_owned())
        })
    }

    async fn load_session(&mut self) -> &mut AppSession {
        let unloaded = self.extensions().get::<Slot>().filter(|slot| slot.session.is_none());
        if let Some(manager) = unloaded.map(|slot| slot.manager.clone())
            && manager.backend().joined(self).is_none()
            && let Received::Ids(ids) = manager.brought_by(self.cookies())
            && !ids.is_empty()
        {
            self.limit_caching(Caching::PerVisitor);
            let what = manager.find(&ids).await;
            let session = found(self, manager, what).viewed_by(Viewing::of(self));
            if let Some(slot) = self.extensions_mut().get_mut::<Slot>() {
                slot.fill(session);
            }
        }
        self.session()
    }

    fn brings_session(&mut self) -> bool {
        let Some(manager) = self.extensions().get::<Slot>().map(|slot| slot.manager.clone()) else { return false };
        match manager.brought_by(self.cookies()) {
            Received::Ids(ids) => !ids.is_empty(),
            Received::Session(record) => record.is_some(),
        }
    }

    fn forget_session(&mut self) {
        if let Some(slot) = self.extensions_mut().get_mut::<Slot>() {
            slot.session = None;
        }
    }

    fn session_if_loaded(&self) -> Option<&AppSession> {
        self.extensions().get::<Slot>()?.session.as_ref()
    }

    fn user_sessions(&mut self, user_id: i64) -> Result<Vec<SessionInfo>> {
        let manager = manager(self)?;
        match manager.backend().joined(self) {
            Some(unit) => Profile::within(None, || unit.run(|db| rows::for_user(db, user_id, manager.clock().now()))),
            None => manager.for_user(user_id),
        }
    }

    fn revoke_user_sessions(&mut self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        let manager = manager(self)?;
        // Checked before the sessions end: afterwards this one would look like one that another request has ended.
        let ends_own = self.session().base().is_some_and(|own| own.user_id == Some(user_id) && Some(own.id) != except);
        let count = match manager.backend().joined_for_writing(self)? {
            Some(unit) => {
                let count = Profile::within(None, || unit.run(|db| rows::end_user(db, user_id, except, manager.clock().now())))?;
                if count > 0 {
                    self.signal(SessionsRevoked { user_id, count });
                }
                count
            }
            None => manager.revoke_user(user_id, except)?,
        };
        if ends_own {
            self.session().delete();
        }
        Ok(count)
    }
}

/// Loads the session that the request's cookie names or carries, or creates a new one.
fn load(req: &mut Request, manager: SessionManager) -> AppSession {
    let ids = match manager.brought_by(req.cookies()) {
        Received::Session(record) => return AppSession::new(manager, record),
        Received::Ids(ids) if ids.is_empty() => return AppSession::new(manager, None),
        Received::Ids(ids) => ids,
    };
    // Nothing waits for a second connection while it holds one.
    let what = match manager.backend().joined(req) {
        Some(unit) => Profile::within(None, || unit.run(|db| manager.find_within(db, &ids))),
        None => wait(manager.find(&ids)),
    };
    found(req, manager, what)
}

fn found(req: &Request, manager: SessionManager, what: Result<Found>) -> AppSession {
    match what {
        Ok(Found::Session(record)) => AppSession::new(manager, Some(record)),
        Ok(Found::Ended(id)) => AppSession::late(manager, id),
        Ok(Found::Nothing) => AppSession::new(manager, None),
        Err(error) => {
            tracing::error!(target: "lback::session", request = %req.id(), %error, "the session cannot be read");
            AppSession::broken(manager, StatusCode::SERVICE_UNAVAILABLE, format!("the session cannot be read: {error}"))
        }
    }
}

fn manager(req: &Request) -> Result<SessionManager> {
    let slot = req.extensions().get::<Slot>();
    slot.map(|slot| slot.manager.clone()).ok_or_else(|| Error::internal("this request has no SessionMiddleware around it"))
}

/// Marks a route without a session; see [`RouterSession::without_session`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSession;

/// Adds session options to [`Router`].
pub trait RouterSession: Sealed {
    /// Makes the last route one without a session.
    fn without_session(self) -> Self;
}

impl RouterSession for Router {
    #[track_caller]
    fn without_session(self) -> Self {
        self.option(NoSession)
    }
}

/// Adds session options to [`Route`].
pub trait RouteSession: Sealed {
    /// Returns whether the route has a session: it does unless it says [`without_session`](RouterSession::without_session).
    fn has_session(&self) -> bool;
}

impl RouteSession for Route {
    fn has_session(&self) -> bool {
        self.option::<NoSession>().is_none()
    }
}
