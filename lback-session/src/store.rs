//! The trait for session stores, and its types.

use std::fmt;
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

/// A session, as a store keeps it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: SessionId,
    /// The user: `data["user_id"]`, if that is an integer.
    pub user_id: Option<i64>,
    /// The visitor's data. Shared, so that cloning a record is cheap.
    pub data: Arc<Data>,
    /// The metadata that Lback keeps.
    #[serde(default, skip_serializing_if = "SessionMeta::is_empty")]
    pub meta: SessionMeta,
    /// The number of saves. A save names the version that it is based on.
    pub version: i64,
    /// The time when it ends, unless it is renewed.
    pub expires_at: DateTime<Utc>,
    /// The time when it began.
    pub created_at: DateTime<Utc>,
    /// The time when it was last saved or renewed.
    pub updated_at: DateTime<Utc>,
}

/// Shows no data.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("version", &self.version)
            .field("expires_at", &self.expires_at)
            .field("created_at", &self.created_at)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

/// A session without its data, for the list that its user sees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// The time when it began.
    pub created_at: DateTime<Utc>,
    /// The time when it was last used, to within a second.
    pub last_seen: DateTime<Utc>,
    /// The time when it ends, unless it is used.
    pub expires_at: DateTime<Utc>,
}

/// One attempt to replace what a store holds for a session.
#[derive(Clone)]
#[non_exhaustive]
pub struct Update {
    /// The session.
    pub id: SessionId,
    /// The version that the store must still have.
    pub version: i64,
    /// The new id; different from `id` if it is rotated.
    pub new_id: SessionId,
    /// The new data.
    pub data: Arc<Data>,
    /// The same as JSON text.
    pub json: String,
    /// The new metadata.
    pub meta: SessionMeta,
    /// The new user.
    pub user_id: Option<i64>,
    /// The new expiry.
    pub expires_at: DateTime<Utc>,
    /// The current time. An expired session is not updated.
    pub now: DateTime<Utc>,
}

/// Shows no data.
impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("new_id", &self.new_id)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

impl Update {
    /// Returns whether the id is rotated, so that the old one is dead.
    pub(crate) fn rotates(&self) -> bool {
        self.new_id != self.id
    }

    /// Returns the updated session, given the one in the store. `None` if that is gone, has expired, or has another version, so that
    /// nothing may be written.
    pub fn applied_to(&self, current: Option<Record>) -> Option<Record> {
        let mut current = current.filter(|record| record.version == self.version && record.expires_at > self.now)?;
        current.replace(self);
        Some(current)
    }
}

impl Record {
    /// Applies an update to the session.
    pub(crate) fn replace(&mut self, update: &Update) {
        self.id = update.new_id;
        self.user_id = update.user_id;
        self.data = update.data.clone();
        self.meta = update.meta.clone();
        self.version += 1;
        self.expires_at = update.expires_at;
        self.updated_at = update.now;
    }

    /// Applies a save to the session, whether or not another request was faster. Returns the update.
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

/// The changes of a request to a stored session.
#[derive(Clone)]
pub struct Save {
    /// The session, as it was loaded.
    pub base: Record,
    /// The data at the end of the request.
    pub data: Arc<Data>,
    /// The metadata at the end of the request.
    pub(crate) meta: SessionMeta,
    /// The record of the changes.
    pub(crate) notes: Notes,
    /// Whether to rotate the id even if the user does not change.
    pub cycle: bool,
    /// The new id if it is rotated; `None` if the changes cannot lead to that.
    pub fresh_id: Option<SessionId>,
    /// The current time.
    pub now: DateTime<Utc>,
    pub(crate) config: Arc<SessionConfig>,
}

/// Shows no data.
impl fmt::Debug for Save {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Save")
            .field("base", &self.base)
            .field("cycle", &self.cycle)
            .field("fresh_id", &self.fresh_id)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// The result of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The session is saved under this id, until this time.
    As(SessionId, DateTime<Utc>),
    /// The session was deleted, rotated or expired meanwhile. Nothing was written.
    Gone,
}

impl Save {
    /// Returns the first attempt: the request's data, if no other request was faster.
    ///
    /// # Errors
    /// Returns 500 if the data are too large or could not be loaded again.
    pub fn first(&self) -> Result<Update> {
        self.attempt(&self.base, self.data.clone(), self.meta.clone())
    }

    /// Returns the next attempt, after another request was faster: this request's changes, applied to the fresh session.
    ///
    /// # Errors
    /// Returns 500 if the data are too large or could not be loaded again, or if an `update` does not accept the fresh value.
    pub fn again(&self, fresh: &Record) -> Result<Update> {
        let data = self.notes.apply_to(&fresh.data, &self.base.data, &self.data)?;
        self.attempt(fresh, Arc::new(data), self.notes.apply_to_meta(&fresh.meta, &self.base.meta, &self.meta))
    }

    /// Returns whether the id could change, depending on what the store has.
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

/// The log message for a stored session that cannot be read. The session is left unchanged.
pub(crate) const UNREADABLE: &str =
    "a stored session cannot be read: its data are not a JSON object, or nested too deep; its visitor gets a new one";

/// Returns the value of the column `user_id` for these data.
pub(crate) fn user_id(data: &Data) -> Option<i64> {
    data.get("user_id").and_then(Value::as_i64)
}

/// Returns the data as JSON text.
///
/// # Errors
/// Returns 500 if the session is larger than `max_bytes`, with its largest key, or if it could not be loaded again, with the key.
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

/// Returns the key whose value is largest as JSON, and the size of the value in bytes. Flash messages count as one key.
pub(crate) fn heaviest<'a>(data: &'a Data, meta: &SessionMeta) -> (&'a str, usize) {
    let weigh = |value: &Value| serde_json::to_string(value).map_or(0, |json| json.len());
    let weights = data.iter().map(|(key, value)| (key.as_str(), weigh(value)));
    let flashes = ("flash messages", serde_json::to_string(&meta.flashes).map_or(0, |json| json.len()));
    weights.chain([flashes]).max_by_key(|(_, bytes)| *bytes).unwrap_or_default()
}

/// The expiry of a session moves by at least this much, so that a session is written at most once a second however many requests
/// use it.
pub(crate) const RENEWAL: TimeDelta = TimeDelta::seconds(1);

/// How long a store remembers that a session was ended. A request that still carries its id in that time was already on its way, and
/// must not begin a new session.
pub(crate) const ENDED_FOR: TimeDelta = TimeDelta::minutes(1);

/// Maximum number of attempts to save while others are faster.
pub(crate) const MAX_ATTEMPTS: u32 = 10_000;

/// A store for sessions on a server.
///
/// A store implements five methods. The others have a default that uses these, or returns an error because the store cannot do it.
/// Expiry is judged by the caller's clock; methods that need the time get it as an argument.
///
/// ```
/// # use std::collections::HashMap;
/// # use std::sync::Mutex;
/// # use chrono::{DateTime, TimeDelta, Utc};
/// # use lback::{Error, Result};
/// use lback::session::{Record, SessionId, SessionStore, Update};
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
///             return Err(Error::internal("a session with this id exists already"));
///         }
///         kept.insert(record.id, record);
///         Ok(())
///     }
///     async fn update(&self, update: Update) -> Result<bool> {
///         // Reading, comparing and writing happen under one lock.
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
    /// Returns the session of this id, expired or not. `None` if there is none or its data are not a JSON object.
    fn load(&self, id: SessionId) -> impl Future<Output = Result<Option<Record>>> + Send;

    /// Stores a new session.
    ///
    /// # Errors
    /// Returns an error if a session with this id exists already.
    fn create(&self, record: Record) -> impl Future<Output = Result<()>> + Send;

    /// Replaces a session if the store still has this version of it and it has not expired. Returns whether it was replaced.
    fn update(&self, update: Update) -> impl Future<Output = Result<bool>> + Send;

    /// Deletes a session. Returns whether it existed.
    fn delete(&self, id: SessionId) -> impl Future<Output = Result<bool>> + Send;

    /// Deletes a session as [`delete`](Self::delete) does, because it was ended at this time: by its visitor, a command, or a new
    /// session in its place. Returns whether it existed.
    ///
    /// A store that implements [`has_ended`](Self::has_ended) records it in the same step; the default only deletes.
    fn end(&self, id: SessionId, _now: DateTime<Utc>) -> impl Future<Output = Result<bool>> + Send {
        self.delete(id)
    }

    /// Returns whether the session of this id was ended, revoked or given another id within the minute before `now`.
    ///
    /// It is called only if [`load`](Self::load) has found nothing. A request that carries such an id is late: it reads an empty
    /// session, its changes are dropped, and it gets no cookie, which would replace the one that a login has just set. A session that
    /// expired or never existed has not ended. The default remembers nothing, so a late request begins a new session.
    fn has_ended(&self, _id: SessionId, _now: DateTime<Utc>) -> impl Future<Output = Result<bool>> + Send {
        async { Ok(false) }
    }

    /// Moves the expiry of a session forward, never back and by at least a second, if it has not expired. Returns whether it exists.
    ///
    /// It changes neither data nor version.
    fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> impl Future<Output = Result<bool>> + Send;

    /// Saves a session, keeping the changes of faster requests.
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

    /// Returns the sessions of a user that have not expired, the last used first.
    fn for_user(&self, _user_id: i64, _now: DateTime<Utc>) -> impl Future<Output = Result<Vec<SessionInfo>>> + Send {
        async { Err(Error::internal("this session store cannot list the sessions of a user")) }
    }

    /// Deletes the sessions of a user, except one. Returns their number.
    fn revoke_user(&self, _user_id: i64, _except: Option<SessionId>) -> impl Future<Output = Result<u64>> + Send {
        async { Err(Error::internal("this session store cannot revoke the sessions of a user")) }
    }

    /// Ends the sessions of a user as [`revoke_user`](Self::revoke_user) does, at this time. Returns their number.
    ///
    /// A store that implements [`has_ended`](Self::has_ended) records their ids in the same step; the default only deletes.
    fn end_user(&self, user_id: i64, except: Option<SessionId>, _now: DateTime<Utc>) -> impl Future<Output = Result<u64>> + Send {
        self.revoke_user(user_id, except)
    }

    /// Deletes up to `limit` expired sessions, and forgets the sessions that ended more than a minute ago. Returns the number of
    /// deleted ones. The cleanup calls it again until that is 0.
    fn delete_expired(&self, _now: DateTime<Utc>, _limit: u32) -> impl Future<Output = Result<u64>> + Send {
        async { Ok(0) }
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

macro_rules! boxed_store {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        /// A [`SessionStore`] as a trait object.
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
