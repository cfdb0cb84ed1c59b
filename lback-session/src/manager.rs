//! Sessions, outside of requests.

use std::any::TypeId;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use lback_core::{Clock, Error, Keys, Result};
use lback_db::Db;

use crate::store::{BoxedStore, Data, Record, Save, Saved, SessionInfo, check_size, user_id};
use crate::stores::rows;
use crate::wait::wait;
use crate::{AppSession, DatabaseStore, MemoryStore, SessionConfig, SessionId, SessionStore, cookie};

/// Creates, loads, saves, renews, deletes, lists and revokes sessions. Cheap to clone.
///
/// In a view, [`req.session()`](crate::RequestSession::session) is what you want, and for a user's other sessions
/// [`req.user_sessions()`](crate::RequestSession::user_sessions) and
/// [`req.revoke_user_sessions()`](crate::RequestSession::revoke_user_sessions), which work within the request's
/// transaction. This is for commands and background work.
///
/// The methods block until the store has answered.
#[derive(Clone)]
pub struct SessionManager(Arc<Inner>);

struct Inner {
    store: Box<dyn BoxedStore>,
    /// Are the sessions in the application's database, so that a session can be saved in a request's transaction?
    in_database: bool,
    config: SessionConfig,
    keys: Keys,
    clock: Clock,
}

impl SessionManager {
    /// Sessions in `store`. `keys` seal the cookie; they come from
    /// [`derive_keys("session")`](lback_core::Application::derive_keys).
    pub fn new<S: SessionStore>(store: S, config: SessionConfig, keys: Keys, clock: Clock) -> Self {
        let in_database = TypeId::of::<S>() == TypeId::of::<DatabaseStore>();
        SessionManager(Arc::new(Inner { store: Box::new(store), in_database, config, keys, clock }))
    }

    /// For requests without a `SessionMiddleware`, whose sessions only say so.
    pub(crate) fn detached() -> Self {
        static DETACHED: LazyLock<SessionManager> = LazyLock::new(|| {
            let keys = Keys::derive("detached", []);
            SessionManager::new(MemoryStore::new(), SessionConfig::detached(), keys, Clock::system())
        });
        DETACHED.clone()
    }

    /// The settings.
    pub fn config(&self) -> &SessionConfig {
        &self.0.config
    }

    /// The name of the cookie.
    pub fn cookie_name(&self) -> &str {
        &self.0.config.cookie_name
    }

    /// The id in a cookie's value; `None` where it was not made here.
    pub fn open_cookie(&self, value: &str) -> Option<SessionId> {
        cookie::open(value, &self.0.config, &self.0.keys)
    }

    pub(crate) fn is_in_database(&self) -> bool {
        self.0.in_database
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn store(&self) -> &dyn BoxedStore {
        &*self.0.store
    }

    /// Stores a new session with these data, and returns it.
    ///
    /// # Errors
    /// Where the data are too large, or the store cannot be written.
    pub fn create(&self, data: Data) -> Result<Record> {
        let now = self.0.clock.now();
        let record = self.new_record(SessionId::random(), data, now, now)?;
        wait(self.store().create(record.clone()))?;
        Ok(record)
    }

    pub(crate) fn new_record(
        &self,
        id: SessionId,
        data: Data,
        created_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Record> {
        check_size(&data, self.0.config.max_bytes)?;
        let expires_at = self.0.config.expires_at(&data, created_at, now);
        Ok(Record { id, user_id: user_id(&data), data, version: 1, expires_at, created_at, updated_at: now })
    }

    /// The session of this id; `None` where there is none that has not expired.
    ///
    /// # Errors
    /// 503 where the store cannot be read.
    pub fn load(&self, id: SessionId) -> Result<Option<Record>> {
        Ok(wait(self.store().load(id))?.filter(|record| self.is_valid(record)))
    }

    pub(crate) fn load_within(&self, db: &mut Db, id: SessionId) -> Result<Option<Record>> {
        Ok(rows::load(db, id)?.filter(|record| self.is_valid(record)))
    }

    fn is_valid(&self, record: &Record) -> bool {
        let now = self.0.clock.now();
        now < self.0.config.cap(record.created_at, record.expires_at)
    }

    /// Changes the data of a session. `change` runs again where another request was faster.
    ///
    /// # Errors
    /// Where there is no such session, the data are too large, or the store cannot be written.
    pub fn save(&self, id: SessionId, change: impl FnOnce(&mut AppSession) -> Result<()>) -> Result<SessionId> {
        let record = self.load(id)?.ok_or_else(|| Error::not_found(format!("there is no session {id}")))?;
        let mut session = AppSession::new(self.clone(), Some(record));
        change(&mut session)?;
        match self.save_of(&session) {
            None => Ok(id),
            Some(save) => match wait(self.store().save(save))? {
                Saved::As(id, _) => Ok(id),
                Saved::Gone => Err(Error::not_found(format!("the session {id} ended meanwhile"))),
            },
        }
    }

    /// What to save of a stored session; `None` where it did not change.
    pub(crate) fn save_of(&self, session: &AppSession) -> Option<Save> {
        let base = session.base()?;
        (session.modified() || session.cycles()).then(|| Save {
            base: base.clone(),
            data: session.data().clone(),
            changes: session.changes(),
            cycle: session.cycles(),
            fresh_id: SessionId::random(),
            now: self.0.clock.now(),
            manager: self.clone(),
        })
    }

    /// Moves the expiry of a session forward as a request would. Answers whether the session is there.
    ///
    /// # Errors
    /// 503 where the store cannot be written.
    pub fn renew(&self, id: SessionId) -> Result<bool> {
        let Some(record) = self.load(id)? else { return Ok(false) };
        let now = self.0.clock.now();
        wait(self.store().renew(id, self.0.config.expires_at(&record.data, record.created_at, now), now))
    }

    /// Deletes a session. Answers whether it was there.
    ///
    /// # Errors
    /// 503 where the store cannot be written.
    pub fn delete(&self, id: SessionId) -> Result<bool> {
        wait(self.store().delete(id))
    }

    /// The sessions of a user that have not expired, the last used first.
    ///
    /// # Errors
    /// 503 where the store cannot be read; 500 where it cannot list.
    pub fn for_user(&self, user_id: i64) -> Result<Vec<SessionInfo>> {
        wait(self.store().for_user(user_id, self.0.clock.now()))
    }

    /// Ends the sessions of a user, but for one. Answers how many.
    ///
    /// # Errors
    /// 503 where the store cannot be written; 500 where it cannot revoke.
    pub fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        wait(self.store().revoke_user(user_id, except))
    }

    /// Deletes every session that has expired, in batches. Answers how many.
    ///
    /// # Errors
    /// 503 where the store cannot be written.
    pub fn clear_expired(&self) -> Result<u64> {
        const BATCH: u32 = 1000;
        let mut total = 0;
        loop {
            let deleted = wait(self.store().delete_expired(self.0.clock.now(), BATCH))?;
            total += deleted;
            if deleted < u64::from(BATCH) {
                return Ok(total);
            }
        }
    }

    /// Deletes sessions where there is nobody to be told of a failure.
    pub(crate) fn delete_now(&self, ids: &[SessionId]) {
        for id in ids {
            if let Err(error) = self.delete(*id) {
                tracing::error!(target: "lback::session", %id, %error, "a session could not be deleted");
            }
        }
    }

    /// Deletes sessions without anybody waiting for it.
    pub(crate) fn delete_later(&self, ids: Vec<SessionId>) {
        let manager = self.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            for id in ids {
                if let Err(error) = manager.store().delete(id).await {
                    tracing::error!(target: "lback::session", %id, %error, "a session could not be deleted");
                }
            }
        });
    }
}
