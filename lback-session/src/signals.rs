//! The signals of sessions. None names a session in full: its id is half of what opens it.

use std::sync::{Arc, Weak};

use lback_core::{Application, Request, Signal};
use lback_db::RequestSignal;
use serde::Serialize;

use crate::{SessionId, SessionManager};

/// `session.created`: a new session was stored. A session that gets a new id at login is not a new one.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionCreated {
    /// How the session's id [begins](SessionId::prefix).
    pub session_prefix: String,
    /// The user whose session it is, where it begins with a login.
    pub user_id: Option<i64>,
}

impl Signal for SessionCreated {
    const NAME: &'static str = "session.created";
}

/// `session.deleted`: a session was ended by its visitor's request or by a command.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionDeleted {
    /// How the session's id [began](SessionId::prefix).
    pub session_prefix: String,
}

impl Signal for SessionDeleted {
    const NAME: &'static str = "session.deleted";
}

/// `session.revoked`: the sessions of a user were ended, all or all but one.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionsRevoked {
    /// The user.
    pub user_id: i64,
    /// How many sessions there were.
    pub count: u64,
}

impl Signal for SessionsRevoked {
    const NAME: &'static str = "session.revoked";
}

/// `session.expired`: sessions that nobody used in time were cleared away.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionsExpired {
    /// How many.
    pub count: u64,
}

impl Signal for SessionsExpired {
    const NAME: &'static str = "session.expired";
}

pub(crate) fn created(id: SessionId, user_id: Option<i64>) -> SessionCreated {
    SessionCreated { session_prefix: id.prefix(), user_id }
}

pub(crate) fn deleted(id: SessionId) -> SessionDeleted {
    SessionDeleted { session_prefix: id.prefix() }
}

/// What the end of a request does to sessions, to be told once it is done.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) created: Option<SessionCreated>,
    pub(crate) deleted: Vec<SessionDeleted>,
}

impl News {
    /// Tells what is stored already.
    pub(crate) fn send(self, app: &Arc<Application>) {
        self.deleted.into_iter().for_each(|signal| app.send(signal));
        self.created.into_iter().for_each(|signal| app.send(signal));
    }

    /// Tells it if the request's transaction is committed, and then.
    pub(crate) fn send_after_commit(self, req: &mut Request) {
        self.deleted.into_iter().for_each(|signal| req.signal(signal));
        self.created.into_iter().for_each(|signal| req.signal(signal));
    }
}

/// The application whose listeners a manager tells; the application has the manager, so this does not hold it.
pub(crate) type Audience = std::sync::OnceLock<Weak<Application>>;

impl SessionManager {
    /// Has the listeners of `app` told of what this manager does outside of requests. An application's own manager does
    /// so from the start.
    pub fn announce_to(&self, app: &Arc<Application>) {
        let _ = self.audience().set(Arc::downgrade(app));
    }

    pub(crate) fn announce<T: Signal>(&self, make: impl FnOnce() -> T) {
        if let Some(app) = self.audience().get().and_then(Weak::upgrade) {
            app.send_with(make);
        }
    }
}
