//! The place of a manager's sessions: a store on a server, or the cookies of their visitors.

use std::any::Any;
use std::fmt;

use lback_core::{Cookies, Error, Keys, Request, Result};
use lback_db::{Database, DbSession};

use crate::store::{BoxedStore, Record};
use crate::{CookieStore, DatabaseStore, SessionConfig, SessionId, SessionStore, cookie};

/// The place in which a [`SessionManager`](crate::SessionManager) keeps its sessions. Every [`SessionStore`] is one, and so is [`CookieStore`].
pub struct SessionBackend(pub(crate) Backend);

impl fmt::Debug for SessionBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBackend").finish_non_exhaustive()
    }
}

pub(crate) enum Backend {
    Server(Server),
    Cookie,
}

/// A store that finds a session by its id, which the visitor's cookie names.
pub(crate) struct Server {
    pub(crate) store: Box<dyn BoxedStore>,
    /// The database that the sessions are in, if a request's transaction on it can include them.
    pub(crate) database: Option<Database>,
}

/// The contents of a request's session cookies.
pub(crate) enum Received {
    /// The ids of sessions, without duplicates, which the store knows or not.
    Ids(Vec<SessionId>),
    /// A session, or none.
    Session(Option<Record>),
}

impl<S: SessionStore> From<S> for SessionBackend {
    fn from(store: S) -> Self {
        let database = (&store as &dyn Any).downcast_ref::<DatabaseStore>().map(|store| store.database().clone());
        SessionBackend(Backend::Server(Server { store: Box::new(store), database }))
    }
}

impl From<CookieStore> for SessionBackend {
    fn from(_: CookieStore) -> Self {
        SessionBackend(Backend::Cookie)
    }
}

impl Backend {
    /// Returns the contents of a request's session cookies.
    pub(crate) fn received(&self, cookies: &Cookies, config: &SessionConfig, keys: &Keys, is_valid: impl Fn(&Record) -> bool) -> Received {
        match self {
            Backend::Server(_) => Received::Ids(cookie::read(cookies, config, keys)),
            Backend::Cookie => Received::Session(cookie::sealed::read(cookies, config, keys).find(is_valid)),
        }
    }

    /// Returns the contents of one cookie with this value; `None` if this application did not issue it.
    pub(crate) fn open(&self, value: &str, config: &SessionConfig, keys: &Keys) -> Option<Received> {
        match self {
            Backend::Server(_) => cookie::open(value, config, keys).map(|id| Received::Ids(vec![id])),
            Backend::Cookie => cookie::sealed::open(value, config, keys).map(|record| Received::Session(Some(record))),
        }
    }

    /// Returns the store.
    ///
    /// # Errors
    /// Returns 500 if there is none, because sessions are in cookies; `so` says what cannot be done.
    pub(crate) fn store(&self, so: &str) -> Result<&dyn BoxedStore> {
        match self {
            Backend::Server(server) => Ok(&*server.store),
            Backend::Cookie => Err(Error::internal(format!(
                "sessions are kept in their visitors' cookies, so {so}. If you need that, write SESSION_STORE = \"database\" in settings.toml"
            ))),
        }
    }

    fn database(&self) -> Option<&Database> {
        match self {
            Backend::Server(server) => server.database.as_ref(),
            Backend::Cookie => None,
        }
    }

    /// Returns whether the sessions are in the application's database.
    pub(crate) fn is_in_database(&self) -> bool {
        self.database().is_some()
    }

    /// Returns the unit of work of the request, if it has a connection and the sessions are in its database.
    pub(crate) fn joined<'r>(&self, req: &'r mut Request) -> Option<&'r mut DbSession> {
        self.database()?.joined(req)
    }

    /// Returns the unit of work of the request, if changes of sessions belong in it.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub(crate) fn joined_for_writing<'r>(&self, req: &'r mut Request) -> Result<Option<&'r mut DbSession>> {
        match self.database() {
            Some(database) => database.joined_for_writing(req),
            None => Ok(None),
        }
    }

    /// As [`joined_for_writing`](Self::joined_for_writing), when the view has ended.
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub(crate) fn joined_at_end<'r>(&self, req: &'r mut Request) -> Result<Option<&'r mut DbSession>> {
        match self.database() {
            Some(database) => database.joined_at_end(req),
            None => Ok(None),
        }
    }
}
