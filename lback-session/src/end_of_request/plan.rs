//! Plans the writes of a session at the end of a request, and carries them out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::{Application, Error, Result};
use lback_db::Db;

use super::BrowserCookie;
use crate::signals::{self, News, SessionCreated, SessionDeleted};
use crate::store::{BoxedStore, RENEWAL, Record, Save, Saved};
use crate::stores::rows;
use crate::{AppSession, CreateSessions, Expiry, SessionId, SessionManager, cookie};

/// How long a request waits for its renewal.
const RENEWAL_PATIENCE: Duration = Duration::from_millis(500);

/// The writes at the end of a request.
pub(super) struct Plan {
    pub(super) deletes: Vec<SessionId>,
    pub(super) write: Option<Write>,
}

pub(super) enum Write {
    Create(Record),
    Save(Box<Save>),
    Renew(SessionId, DateTime<Utc>, DateTime<Utc>),
}

/// The result of the writes.
#[derive(Clone, Copy)]
pub(super) enum Written {
    /// This session, until this time; the browser is told.
    Session(SessionId, DateTime<Utc>),
    /// The session was gone.
    Interrupted(SessionId),
    Nothing,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.write.is_none()
    }

    /// Returns the signals to send when the plan has been carried out.
    pub(super) fn news(&self, app: &Application) -> News {
        let created = match &self.write {
            Some(Write::Create(record)) if app.wants::<SessionCreated>() => Some(signals::created(record.id, record.user_id)),
            _ => None,
        };
        let deletes = if app.wants::<SessionDeleted>() { &self.deletes[..] } else { &[] };
        News { created, deleted: deletes.iter().map(|id| signals::deleted(*id)).collect() }
    }

    /// Carries the plan out in the store's own transaction.
    pub(super) async fn run(self, store: &dyn BoxedStore, now: DateTime<Utc>) -> Result<Written> {
        for id in self.deletes {
            store.end(id, now).await?;
        }
        match self.write {
            None => Ok(Written::Nothing),
            Some(Write::Create(record)) => {
                let written = Written::Session(record.id, record.expires_at);
                store.create(record).await.map(|()| written)
            }
            Some(Write::Save(save)) => {
                let id = save.base.id;
                store.save(*save).await.map(|saved| saved.written(id))
            }
            Some(Write::Renew(id, expires_at, now)) => {
                // A page that only reads does not wait long for a store that is busy.
                let renewal = tokio::time::timeout(RENEWAL_PATIENCE, store.renew(id, expires_at, now)).await;
                let late = || Err(Error::unavailable("the store is too busy"));
                Ok(renewed(id, expires_at, renewal.unwrap_or_else(|_| late())))
            }
        }
    }

    /// Carries the plan out in the request's transaction.
    pub(super) fn run_within(self, db: &mut Db, now: DateTime<Utc>) -> Result<Written> {
        for id in self.deletes {
            rows::end(db, id, now)?;
        }
        match self.write {
            None => Ok(Written::Nothing),
            Some(Write::Create(record)) => rows::create(db, &record).map(|()| Written::Session(record.id, record.expires_at)),
            Some(Write::Save(save)) => rows::save(db, &save).map(|saved| saved.written(save.base.id)),
            Some(Write::Renew(id, expires_at, now)) => Ok(renewed(id, expires_at, rows::renew_within(db, id, expires_at, now))),
        }
    }
}

impl Saved {
    fn written(self, id: SessionId) -> Written {
        match self {
            Saved::As(id, expires_at) => Written::Session(id, expires_at),
            Saved::Gone => Written::Interrupted(id),
        }
    }
}

fn renewed(id: SessionId, expires_at: DateTime<Utc>, result: Result<bool>) -> Written {
    match result {
        Ok(true) => Written::Session(id, expires_at),
        Ok(false) => Written::Nothing,
        Err(error) => {
            tracing::error!(target: "lback::session", %id, %error, "a session could not be renewed");
            Written::Nothing
        }
    }
}

impl Write {
    /// Returns what to write of a session; `None` if the store may keep what it has.
    ///
    /// # Errors
    /// Returns 500 if the data of a new session are too large or could not be loaded again.
    pub(super) fn of(manager: &SessionManager, session: &mut AppSession) -> Result<Option<Self>> {
        let now = manager.clock().now();
        let Some(base) = session.base() else {
            let store = session.holds_something() || manager.config().create == CreateSessions::Eager;
            if !store {
                return Ok(None);
            }
            let record = manager.new_record(session.id(), session.data().clone(), session.meta().clone(), session.created_at(), now)?;
            return Ok(Some(Write::Create(record)));
        };
        let (id, base_expires_at) = (base.id, base.expires_at);
        if let Some(save) = manager.save_of(session) {
            return Ok(Some(Write::Save(Box::new(save))));
        }
        // The time of the request's end, not that of its beginning: another request may have renewed the session meanwhile.
        let expires_at = session.expires_at_if_used(now);
        let due = expires_at - base_expires_at >= RENEWAL;
        Ok(due.then_some(Write::Renew(id, expires_at, now)))
    }
}

impl Written {
    /// Returns the change to the browser's cookie. `expiry` is the session's own; `deleted` says whether a session was ended.
    pub(super) fn browser_cookie(&self, manager: &SessionManager, expiry: Expiry, deleted: bool) -> Result<BrowserCookie> {
        let config = manager.config();
        match self {
            Written::Session(id, expires_at) => {
                let value = cookie::seal(*id, config, manager.keys());
                Ok(BrowserCookie::Set(cookie::header(config, &value, expiry, *expires_at, manager.clock().now())?))
            }
            Written::Nothing if deleted => Ok(BrowserCookie::Remove(cookie::removal(config)?)),
            Written::Nothing | Written::Interrupted(_) => Ok(BrowserCookie::Keep),
        }
    }
}
