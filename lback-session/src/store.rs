//! Where sessions are kept.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::changes::Notes;
use crate::storable::check_depth;
use crate::{SessionConfig, SessionId, SessionMeta};

/// The data of a session: a JSON object.
pub type Data = serde_json::Map<String, Value>;

/// A session as a store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: SessionId,
    /// The user whose session it is: `data["user_id"]`, where that is an integer.
    pub user_id: Option<i64>,
    /// What it holds. Shared, so that to copy a record is to copy next to nothing.
    pub data: Arc<Data>,
    /// What Lback keeps about it.
    #[serde(default, skip_serializing_if = "SessionMeta::is_empty")]
    pub meta: SessionMeta,
    /// Counts the saves; a save names the version it is based on.
    pub version: i64,
    /// When it ends, unless it is renewed.
    pub expires_at: DateTime<Utc>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last saved or renewed.
    pub updated_at: DateTime<Utc>,
}

/// What is told of a session to its user: everything but the data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within a second.
    pub last_seen: DateTime<Utc>,
    /// When it ends, unless it is used.
    pub expires_at: DateTime<Utc>,
}

/// One attempt to replace what a store holds for a session.
#[derive(Clone, Debug)]
pub struct Update {
    /// The session.
    pub id: SessionId,
    /// The version that must still be there.
    pub version: i64,
    /// The id it will have; another one than `id` where it is rotated.
    pub new_id: SessionId,
    /// The new data.
    pub data: Arc<Data>,
    /// The same as JSON text.
    pub json: String,
    /// What Lback keeps about the session from now on.
    pub meta: SessionMeta,
    /// The new user.
    pub user_id: Option<i64>,
    /// The new expiry.
    pub expires_at: DateTime<Utc>,
    /// The current time. An expired session is not updated.
    pub now: DateTime<Utc>,
}

impl Update {
    /// Does the session get another id, so that the old one is dead?
    pub(crate) fn rotates(&self) -> bool {
        self.new_id != self.id
    }

    /// What this makes of the session as the store has it: `None` where that is gone, has expired, or is of another version,
    /// so that nothing may be written.
    pub fn applied_to(&self, current: Option<Record>) -> Option<Record> {
        let mut current = current.filter(|record| record.version == self.version && record.expires_at > self.now)?;
        current.replace(self);
        Some(current)
    }
}

impl Record {
    /// Makes of the session what an update says.
    pub(crate) fn replace(&mut self, update: &Update) {
        self.id = update.new_id;
        self.user_id = update.user_id;
        self.data = update.data.clone();
        self.meta = update.meta.clone();
        self.version += 1;
        self.expires_at = update.expires_at;
        self.updated_at = update.now;
    }

    /// Makes of the session what a request wants to save, whether or not another one was faster. Answers the update.
    ///
    /// # Errors
    /// As [`Save::first`] and [`Save::again`].
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn save(&mut self, save: &Save) -> Result<Update> {
        let update = if self.version == save.base.version { save.first()? } else { save.again(self)? };
        self.replace(&update);
        Ok(update)
    }
}

/// What a request wants to save of a session that is stored already.
#[derive(Clone)]
pub struct Save {
    /// The session as it was loaded.
    pub base: Record,
    /// Its data as the request left them.
    pub data: Arc<Data>,
    /// What Lback keeps about it, as the request left it.
    pub(crate) meta: SessionMeta,
    /// How they came to be so.
    pub(crate) notes: Notes,
    /// Rotate the id, whether or not the user changes.
    pub cycle: bool,
    /// The id it gets if it is rotated; `None` where nothing that was done can lead to that.
    pub fresh_id: Option<SessionId>,
    /// The current time.
    pub now: DateTime<Utc>,
    pub(crate) config: Arc<SessionConfig>,
}

/// How a save ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The session is saved under this id, until this time.
    As(SessionId, DateTime<Utc>),
    /// The session was deleted, rotated or expired meanwhile. Nothing was written.
    Gone,
}

impl Save {
    /// The first attempt: the request's data, if nobody else was faster.
    ///
    /// # Errors
    /// 500 if the data are too large, or could not be loaded again.
    pub fn first(&self) -> Result<Update> {
        self.attempt(&self.base, self.data.clone(), self.meta.clone())
    }

    /// The next attempt, after another request was faster: the request's changes on top of what is there now.
    ///
    /// # Errors
    /// 500 if the data are too large or could not be loaded again, or if an `update` does not understand the value that is there.
    pub fn again(&self, fresh: &Record) -> Result<Update> {
        let data = self.notes.apply_to(&fresh.data, &self.base.data, &self.data)?;
        self.attempt(fresh, Arc::new(data), self.notes.apply_to_meta(&fresh.meta, &self.base.meta, &self.meta))
    }

    /// Could the id change, whatever the store holds?
    pub(crate) fn may_rotate(&self) -> bool {
        self.fresh_id.is_some()
    }

    fn rotates_to(&self, data: &Data, base: &Record) -> bool {
        let user = data.get("user_id").filter(|user| !user.is_null());
        self.cycle || (user.is_some() && user != base.data.get("user_id"))
    }

    pub(crate) fn too_many_attempts(&self) -> Error {
        Error::unavailable(format!("the session {} could not be saved in {MAX_ATTEMPTS} attempts", self.base.id))
    }

    fn attempt(&self, base: &Record, data: Arc<Data>, meta: SessionMeta) -> Result<Update> {
        let config = &self.config;
        let json = json(&data, &meta, config.max_bytes)?;
        let rotate = self.rotates_to(&data, base);
        Ok(Update {
            id: base.id,
            version: base.version,
            new_id: if rotate { self.fresh_id.unwrap_or_else(SessionId::random) } else { base.id },
            user_id: user_id(&data),
            expires_at: config.expires_at(meta.expiry, base.created_at, self.now),
            data,
            json,
            meta,
            now: self.now,
        })
    }
}

/// Logged for a stored session that cannot be read. The session stays as it is.
pub(crate) const UNREADABLE: &str =
    "a stored session cannot be read: its data are not a JSON object, or nested too deep; its visitor gets a new one";

/// The value of the column `user_id` for these data.
pub(crate) fn user_id(data: &Data) -> Option<i64> {
    data.get("user_id").and_then(Value::as_i64)
}

/// The data as JSON text.
///
/// # Errors
/// 500 if the session is larger than `max_bytes`, naming what weighs most; or if it could not be loaded again, naming the key.
pub(crate) fn json(data: &Data, meta: &SessionMeta, max_bytes: usize) -> Result<String> {
    check_depth(data)?;
    let json = serde_json::to_string(data)?;
    if json.len() + meta.json()?.map_or(0, |json| json.len()) <= max_bytes {
        return Ok(json);
    }
    let (key, bytes) = heaviest(data, meta);
    Err(Error::internal(format!(
        "the session holds more than SESSION_MAX_BYTES = {max_bytes}: \"{key}\" alone takes {bytes} bytes. \
         Keep large things in a table and only their id in the session"
    )))
}

/// The key that weighs most, and how many bytes its value takes as JSON. Flash messages count as one.
pub(crate) fn heaviest<'a>(data: &'a Data, meta: &SessionMeta) -> (&'a str, usize) {
    let weigh = |value: &Value| serde_json::to_string(value).map_or(0, |json| json.len());
    let weights = data.iter().map(|(key, value)| (key.as_str(), weigh(value)));
    let flashes = ("flash messages", serde_json::to_string(&meta.flashes).map_or(0, |json| json.len()));
    weights.chain([flashes]).max_by_key(|(_, bytes)| *bytes).unwrap_or_default()
}

/// The expiry of a session is moved by at least this much, so that however many requests use a session at once, it is
/// written once a second at most.
pub(crate) const RENEWAL: TimeDelta = TimeDelta::seconds(1);

/// For so long a store remembers that a session was ended: a request that still carries its id by then was on its way, and
/// must not begin a new session.
pub(crate) const ENDED_FOR: TimeDelta = TimeDelta::minutes(1);

/// How often a save is tried while others are faster.
pub(crate) const MAX_ATTEMPTS: u32 = 10_000;

/// A place where sessions are kept.
///
/// Five methods make a store; the others have a default that is made of these, or say that the store cannot do it.
/// Expiry is judged by the caller's clock, which each method that needs it is told.
///
/// ```
/// # use std::collections::HashMap;
/// # use std::sync::Mutex;
/// # use chrono::{DateTime, TimeDelta, Utc};
/// # use lback_core::{Error, Result};
/// use lback_session::{Record, SessionId, SessionStore, Update};
///
/// struct Kept(Mutex<HashMap<SessionId, Record>>);
///
/// impl SessionStore for Kept {
///     async fn load(&self, id: SessionId) -> Result<Option<Record>> {
///         Ok(self.0.lock().unwrap().get(&id).cloned())
///     }
///     async fn create(&self, record: Record) -> Result<()> {
///         let mut kept = self.0.lock().unwrap();
///         if kept.contains_key(&record.id) {
///             return Err(Error::internal("there is a session of this id already"));
///         }
///         kept.insert(record.id, record);
///         Ok(())
///     }
///     async fn update(&self, update: Update) -> Result<bool> {
///         // Reading, comparing and writing are one step: nobody comes between.
///         let mut kept = self.0.lock().unwrap();
///         let Some(record) = update.applied_to(kept.get(&update.id).cloned()) else { return Ok(false) };
///         kept.remove(&update.id);
///         kept.insert(record.id, record);
///         Ok(true)
///     }
///     async fn delete(&self, id: SessionId) -> Result<bool> {
///         Ok(self.0.lock().unwrap().remove(&id).is_some())
///     }
///     async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
///         let mut kept = self.0.lock().unwrap();
///         let Some(record) = kept.get_mut(&id).filter(|record| record.expires_at > now) else { return Ok(false) };
///         if expires_at - record.expires_at >= TimeDelta::seconds(1) {
///             (record.expires_at, record.updated_at) = (expires_at, now);
///         }
///         Ok(true)
///     }
/// }
/// ```
pub trait SessionStore: Send + Sync + 'static {
    /// The session of this id, expired or not. `None` where there is none, or its data are not a JSON object.
    fn load(&self, id: SessionId) -> impl Future<Output = Result<Option<Record>>> + Send;

    /// Stores a new session.
    ///
    /// # Errors
    /// Where there is one of this id already.
    fn create(&self, record: Record) -> impl Future<Output = Result<()>> + Send;

    /// Replaces a session, if it is still there in the version named, and has not expired. Answers whether it was.
    fn update(&self, update: Update) -> impl Future<Output = Result<bool>> + Send;

    /// Deletes a session. Answers whether it was there.
    fn delete(&self, id: SessionId) -> impl Future<Output = Result<bool>> + Send;

    /// Deletes a session as [`delete`](Self::delete) does, because it was ended at this time: by its visitor, a command, or a new
    /// session in its place. Returns whether it was there.
    ///
    /// A store that implements [`has_ended`](Self::has_ended) notes it in the same step; the default only deletes.
    fn end(&self, id: SessionId, _now: DateTime<Utc>) -> impl Future<Output = Result<bool>> + Send {
        self.delete(id)
    }

    /// Returns whether the session of this id was ended, revoked or given another id within the minute before `now`.
    ///
    /// Asked only if [`load`](Self::load) has found nothing. A request that carries such an id is late: it reads an empty session,
    /// what it writes is dropped, and it gets no cookie, which would take the place of the one that a login has just set. What
    /// expired, or was never there, has not ended. The default remembers nothing, so that a late request begins a new session.
    fn has_ended(&self, _id: SessionId, _now: DateTime<Utc>) -> impl Future<Output = Result<bool>> + Send {
        async { Ok(false) }
    }

    /// Moves the expiry of a session forward, never back and not by less than a second, if it has not expired. Answers
    /// whether it is there.
    ///
    /// Touches neither data nor version.
    fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> impl Future<Output = Result<bool>> + Send;

    /// Saves a session, with the changes of faster requests kept.
    fn save(&self, save: Save) -> impl Future<Output = Result<Saved>> + Send {
        async move {
            let mut update = save.first()?;
            let mut attempts = 0;
            loop {
                let (id, saved) = (update.id, Saved::As(update.new_id, update.expires_at));
                if self.update(update).await? {
                    return Ok(saved);
                }
                match self.load(id).await? {
                    Some(fresh) if fresh.expires_at > save.now => update = save.again(&fresh)?,
                    _ => return Ok(Saved::Gone),
                }
                attempts += 1;
                if attempts == MAX_ATTEMPTS {
                    return Err(save.too_many_attempts());
                }
                tokio::task::yield_now().await;
            }
        }
    }

    /// The sessions of a user that have not expired, newest first.
    fn for_user(&self, _user_id: i64, _now: DateTime<Utc>) -> impl Future<Output = Result<Vec<SessionInfo>>> + Send {
        async { Err(Error::internal("this session store cannot list the sessions of a user")) }
    }

    /// Deletes the sessions of a user, but for one. Answers how many.
    fn revoke_user(&self, _user_id: i64, _except: Option<SessionId>) -> impl Future<Output = Result<u64>> + Send {
        async { Err(Error::internal("this session store cannot revoke the sessions of a user")) }
    }

    /// Ends the sessions of a user as [`revoke_user`](Self::revoke_user) does, at this time. Returns how many.
    ///
    /// A store that implements [`has_ended`](Self::has_ended) notes their ids in the same step; the default only deletes.
    fn end_user(&self, user_id: i64, except: Option<SessionId>, _now: DateTime<Utc>) -> impl Future<Output = Result<u64>> + Send {
        self.revoke_user(user_id, except)
    }

    /// Deletes up to `limit` sessions that have expired, and forgets which ones ended more than a minute ago. Returns how many
    /// have expired.
    fn delete_expired(&self, _now: DateTime<Utc>, _limit: u32) -> impl Future<Output = Result<u64>> + Send {
        async { Ok(0) }
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

macro_rules! boxed_store {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        /// A [`SessionStore`] whose type does not matter.
        pub(crate) trait BoxedStore: Send + Sync {
            $(fn $name(&self, $($argument: $type),*) -> Boxed<'_, $result>;)*
        }

        impl<S: SessionStore> BoxedStore for S {
            $(fn $name(&self, $($argument: $type),*) -> Boxed<'_, $result> {
                Box::pin(SessionStore::$name(self, $($argument),*))
            })*
        }
    };
}

boxed_store! {
    load(id: SessionId) -> Option<Record>;
    create(record: Record) -> ();
    end(id: SessionId, now: DateTime<Utc>) -> bool;
    has_ended(id: SessionId, now: DateTime<Utc>) -> bool;
    renew(id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool;
    save(save: Save) -> Saved;
    for_user(user_id: i64, now: DateTime<Utc>) -> Vec<SessionInfo>;
    end_user(user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> u64;
    delete_expired(now: DateTime<Utc>, limit: u32) -> u64;
}
