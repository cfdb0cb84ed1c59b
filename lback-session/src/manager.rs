//! Access to sessions outside of requests.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lback_core::{Clock, Cookies, Error, Keys, Result};
use lback_db::Db;

use crate::backend::{Backend, Received};
use crate::blocking::wait;
use crate::cleanup::{BATCH, pause};
use crate::signals::{self, Audience, SessionsExpired, SessionsRevoked};
use crate::store::{Data, Record, Save, Saved, SessionInfo, json, user_id};
use crate::stores::rows;
use crate::{AppSession, MemoryStore, SessionBackend, SessionConfig, SessionId, SessionMeta};

/// What cannot be done to a session in a cookie.
const UNREACHABLE: &str = "none can be reached outside of its visitor's request";

/// Creates, loads, saves, renews, deletes, lists and revokes sessions. Cheap to clone.
///
/// Views use [`req.session()`](crate::RequestSession::session), and for a user's other sessions
/// [`req.user_sessions()`](crate::RequestSession::user_sessions) and
/// [`req.revoke_user_sessions()`](crate::RequestSession::revoke_user_sessions), which work in the request's transaction. This is for
/// commands and background work.
///
/// The methods block until the store has answered.
#[derive(Clone)]
pub struct SessionManager(Arc<Inner>);

impl fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager").field("config", &self.0.config).finish_non_exhaustive()
    }
}

struct Inner {
    backend: Backend,
    /// Shared with the [`Save`]s.
    config: Arc<SessionConfig>,
    keys: Keys,
    clock: Clock,
    audience: Audience,
}

/// The result of looking up the ids that a request carries.
pub(crate) enum Found {
    Session(Record),
    /// It was ended in the last minute: the request is late.
    Ended(SessionId),
    /// It never existed, or has expired.
    Nothing,
}

impl SessionManager {
    /// Returns a manager of sessions in `store`: a [`SessionStore`](crate::SessionStore) or [`CookieStore`](crate::CookieStore). `keys`
    /// seal the cookie; they come from [`derive_keys("session")`](lback_core::Application::derive_keys).
    pub fn new(store: impl Into<SessionBackend>, config: SessionConfig, keys: Keys, clock: Clock) -> Self {
        let SessionBackend(backend) = store.into();
        SessionManager(Arc::new(Inner { backend, config: Arc::new(config), keys, clock, audience: Audience::new() }))
    }

    /// Returns a manager for requests without a `SessionMiddleware`, whose sessions only report that.
    pub(crate) fn detached() -> Self {
        static DETACHED: LazyLock<SessionManager> = LazyLock::new(|| {
            let keys = Keys::derive("detached", []);
            SessionManager::new(MemoryStore::new(), SessionConfig::detached(), keys, Clock::system())
        });
        DETACHED.clone()
    }

    /// Returns the settings.
    pub fn config(&self) -> &SessionConfig {
        &self.0.config
    }

    /// Returns the name of the cookie.
    pub fn cookie_name(&self) -> &str {
        &self.0.config.cookie_name
    }

    /// Returns the session id in a cookie's value, or `None` if this application did not issue it.
    pub fn open_cookie(&self, value: &str) -> Option<SessionId> {
        match self.0.backend.open(value, &self.0.config, &self.0.keys)? {
            Received::Ids(ids) => ids.first().copied(),
            Received::Session(record) => record.map(|record| record.id),
        }
    }

    /// Returns the session that a cookie's value names or carries, or `None` if it does not exist or has expired.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be read.
    pub fn load_cookie(&self, value: &str) -> Result<Option<Record>> {
        match self.0.backend.open(value, &self.0.config, &self.0.keys) {
            Some(Received::Ids(ids)) => ids.first().map_or(Ok(None), |id| self.load(*id)),
            Some(Received::Session(record)) => Ok(record.filter(|record| self.is_valid(record))),
            None => Ok(None),
        }
    }

    /// Returns whether each session travels in its visitor's cookie, so that the sessions of others cannot be reached from here. See
    /// [`CookieStore`](crate::CookieStore).
    pub fn is_in_cookies(&self) -> bool {
        matches!(self.0.backend, Backend::Cookie)
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.0.backend
    }

    /// Returns the contents of a request's session cookies.
    pub(crate) fn brought_by(&self, cookies: &Cookies) -> Received {
        self.0.backend.received(cookies, &self.0.config, &self.0.keys, |record| self.is_valid(record))
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn audience(&self) -> &Audience {
        &self.0.audience
    }

    /// Stores a new session with these data, and returns it.
    ///
    /// # Errors
    /// Returns an error if the data are too large or the store cannot be written.
    pub fn create(&self, data: Data) -> Result<Record> {
        let now = self.0.clock.now();
        let record = self.new_record(SessionId::random(), Arc::new(data), SessionMeta::default(), now, now)?;
        wait(self.0.backend.store("none can be created outside of a request")?.create(record.clone()))?;
        self.announce(|| signals::created(record.id, record.user_id));
        Ok(record)
    }

    pub(crate) fn new_record(
        &self,
        id: SessionId,
        data: Arc<Data>,
        meta: SessionMeta,
        created_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Record> {
        json(&data, &meta, self.0.config.max_bytes)?;
        let expires_at = self.0.config.expires_at(meta.expiry, created_at, now);
        Ok(Record { id, user_id: user_id(&data), data, meta, version: 1, expires_at, created_at, updated_at: now })
    }

    /// Returns the session of this id, or `None` if it does not exist or has expired.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be read.
    pub fn load(&self, id: SessionId) -> Result<Option<Record>> {
        Ok(wait(self.0.backend.store(UNREACHABLE)?.load(id))?.filter(|record| self.is_valid(record)))
    }

    /// Looks up the ids that a request carries, one after another, and returns the first session that is alive. If there is none, the
    /// request is late for the first one that ended in the last minute.
    pub(crate) async fn find(&self, ids: &[SessionId]) -> Result<Found> {
        let store = self.0.backend.store(UNREACHABLE)?;
        let mut dead = Found::Nothing;
        for &id in ids {
            match store.load(id).await? {
                Some(record) if self.is_valid(&record) => return Ok(Found::Session(record)),
                None if matches!(dead, Found::Nothing) && store.has_ended(id, self.0.clock.now()).await? => dead = Found::Ended(id),
                _ => {}
            }
        }
        Ok(dead)
    }

    /// As [`find`](Self::find), in the request's transaction.
    pub(crate) fn find_within(&self, db: &mut Db, ids: &[SessionId]) -> Result<Found> {
        let mut dead = Found::Nothing;
        for &id in ids {
            match rows::load(db, id)? {
                Some(record) if self.is_valid(&record) => return Ok(Found::Session(record)),
                None if matches!(dead, Found::Nothing) && rows::has_ended(db, id, self.0.clock.now())? => dead = Found::Ended(id),
                _ => {}
            }
        }
        Ok(dead)
    }

    pub(crate) fn is_valid(&self, record: &Record) -> bool {
        let now = self.0.clock.now();
        now < self.0.config.cap(record.created_at, record.expires_at)
    }

    /// Changes the data of a session. If another request was faster, the changes are applied again to what it has saved.
    ///
    /// # Errors
    /// Returns an error if the session does not exist, the data are too large, or the store cannot be written.
    pub fn save(&self, id: SessionId, change: impl FnOnce(&mut AppSession) -> Result<()>) -> Result<SessionId> {
        let record = self.load(id)?.ok_or_else(|| Error::not_found(format!("there is no session {id}")))?;
        let mut session = AppSession::new(self.clone(), Some(record));
        let changed = change(&mut session);
        // Taken before a failure is returned: a failed change must not end the session when it is dropped.
        let deleted = session.take_deleted();
        changed?;
        if !deleted.is_empty() {
            if session.holds_something() {
                return Err(Error::internal(format!("the session {id} was to be deleted and written to; do one of the two")));
            }
            self.delete(id)?;
            return Ok(id);
        }
        match self.save_of(&mut session) {
            None => Ok(id),
            Some(save) => match wait(self.0.backend.store(UNREACHABLE)?.save(save))? {
                Saved::As(id, _) => Ok(id),
                Saved::Gone => Err(Error::not_found(format!("the session {id} ended meanwhile"))),
            },
        }
    }

    /// Returns what to save of a stored session, or `None` if it did not change.
    pub(crate) fn save_of(&self, session: &mut AppSession) -> Option<Save> {
        let base = session.base()?.clone();
        (session.modified() || session.cycles()).then(|| Save {
            fresh_id: session.may_rotate().then(|| session.fresh_id()),
            base,
            data: session.data().clone(),
            meta: session.meta().clone(),
            notes: session.take_notes(),
            cycle: session.cycles(),
            now: self.0.clock.now(),
            config: self.0.config.clone(),
        })
    }

    /// Moves the expiry of a session forward as a request would. Returns whether the session exists.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written.
    pub fn renew(&self, id: SessionId) -> Result<bool> {
        let Some(record) = self.load(id)? else { return Ok(false) };
        let now = self.0.clock.now();
        wait(self.0.backend.store(UNREACHABLE)?.renew(id, self.0.config.expires_at(record.meta.expiry, record.created_at, now), now))
    }

    /// Deletes a session. Returns whether it existed.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written.
    pub fn delete(&self, id: SessionId) -> Result<bool> {
        let deleted = wait(self.0.backend.store("none can be ended outside of its visitor's request")?.end(id, self.0.clock.now()))?;
        if deleted {
            self.announce(|| signals::deleted(id));
        }
        Ok(deleted)
    }

    /// Returns the sessions of a user that have not expired, the last used first.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be read, and 500 if it cannot list sessions.
    pub fn for_user(&self, user_id: i64) -> Result<Vec<SessionInfo>> {
        wait(self.0.backend.store("those of a user cannot be listed")?.for_user(user_id, self.0.clock.now()))
    }

    /// Ends the sessions of a user, except one. Returns their number.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written, and 500 if it cannot revoke sessions.
    pub fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        let count =
            wait(self.0.backend.store("those of a user's other devices cannot be ended")?.end_user(user_id, except, self.0.clock.now()))?;
        if count > 0 {
            self.announce(|| SessionsRevoked { user_id, count });
        }
        Ok(count)
    }

    /// Deletes all expired sessions, in batches. Returns their number.
    ///
    /// # Errors
    /// Returns 503 if the store cannot be written.
    pub fn clear_expired(&self) -> Result<u64> {
        // Cookies expire in their browsers.
        let Backend::Server(server) = &self.0.backend else { return Ok(0) };
        let mut total = 0;
        // What expires meanwhile is left to the next time, so that this ends.
        let now = self.0.clock.now();
        loop {
            let started = Instant::now();
            let deleted = wait(server.store.delete_expired(now, BATCH))?;
            total += deleted;
            if deleted == 0 {
                self.announce_expired(total);
                return Ok(total);
            }
            std::thread::sleep(pause(started.elapsed()));
        }
    }

    pub(crate) fn announce_expired(&self, count: u64) {
        if count > 0 {
            self.announce(|| SessionsExpired { count });
        }
    }

    /// Deletes sessions, and tries again in the background if the store cannot. Returns whether all are deleted.
    pub(crate) fn delete_now_or_later(&self, ids: Vec<SessionId>) -> bool {
        let left: Vec<SessionId> = ids.into_iter().filter(|id| self.delete(*id).is_err()).collect();
        let all_deleted = left.is_empty();
        if !all_deleted {
            self.delete_later(left);
        }
        all_deleted
    }

    /// Deletes sessions in the background, with several attempts if the store fails.
    pub(crate) fn delete_later(&self, ids: Vec<SessionId>) {
        if self.is_in_cookies() {
            let what = "a session was not ended: its response could not make the browser forget the cookie";
            tracing::warn!(target: "lback::session", ?ids, "{what}");
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            for id in ids {
                if let Err(error) = self.delete(id) {
                    tracing::error!(target: "lback::session", %id, %error, "a session could not be deleted");
                }
            }
            return;
        };
        let manager = self.clone();
        runtime.spawn(async move {
            let Ok(store) = manager.0.backend.store(UNREACHABLE) else { return };
            for id in ids {
                let mut pauses = [1, 5, 30, 120].map(Duration::from_secs).into_iter();
                loop {
                    let error = match store.end(id, manager.clock().now()).await {
                        Ok(true) => break manager.announce(|| signals::deleted(id)),
                        Ok(false) => break,
                        Err(error) => error,
                    };
                    let pause = pauses.next();
                    tracing::error!(target: "lback::session", %id, %error, again_in = ?pause, "a session could not be deleted");
                    let Some(pause) = pause else { break };
                    tokio::time::sleep(pause).await;
                }
            }
        });
    }
}
