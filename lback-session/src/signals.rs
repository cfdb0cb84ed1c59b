//! The signals of sessions. They contain only the beginning of a session's id, since the whole id is half of its key.

use std::sync::{Arc, Weak};

use lback_core::{Application, Request, Signal};
use lback_db::RequestSignal;
use serde::Serialize;

use crate::{SessionId, SessionManager};

/// `session.created`: a new session was stored. A session whose id is rotated at login is not a new one.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionCreated {
    /// The [beginning](SessionId::prefix) of the session's id.
    pub session_prefix: String,
    /// The user, if the session begins with a login.
    pub user_id: Option<i64>,
}

impl Signal for SessionCreated {
    const NAME: &'static str = "session.created";
}

/// `session.deleted`: a session was ended by its visitor's request or by a command.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionDeleted {
    /// The [beginning](SessionId::prefix) of the session's id.
    pub session_prefix: String,
}

impl Signal for SessionDeleted {
    const NAME: &'static str = "session.deleted";
}

/// `session.revoked`: the sessions of a user were ended, all or all except one.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionsRevoked {
    /// The user.
    pub user_id: i64,
    /// The number of sessions.
    pub count: u64,
}

impl Signal for SessionsRevoked {
    const NAME: &'static str = "session.revoked";
}

/// `session.expired`: expired sessions were deleted.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionsExpired {
    /// The number of sessions.
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

/// The signals for what the end of a request does to sessions.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) created: Option<SessionCreated>,
    pub(crate) deleted: Vec<SessionDeleted>,
}

impl News {
    /// Sends them now, as the changes are stored.
    pub(crate) fn send(self, app: &Arc<Application>) {
        self.deleted.into_iter().for_each(|signal| app.send(signal));
        self.created.into_iter().for_each(|signal| app.send(signal));
    }

    /// Sends them after the commit of the request's transaction.
    pub(crate) fn send_after_commit(self, req: &mut Request) {
        self.deleted.into_iter().for_each(|signal| req.signal(signal));
        self.created.into_iter().for_each(|signal| req.signal(signal));
    }
}

/// The application whose listeners receive a manager's signals. Weak, as the application owns the manager.
pub(crate) type Audience = std::sync::OnceLock<Weak<Application>>;

impl SessionManager {
    /// Sends signals about what this manager does outside of requests to the listeners of `app`. The manager of an application does so
    /// from the start.
    pub fn announce_to(&self, app: &Arc<Application>) {
        let _ = self.audience().set(Arc::downgrade(app));
    }

    pub(crate) fn announce<T: Signal>(&self, make: impl FnOnce() -> T) {
        if let Some(app) = self.audience().get().and_then(Weak::upgrade) {
            app.send_with(make);
        }
    }
}
