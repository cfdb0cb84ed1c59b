//! Sessions in Redis.
//!
//! A session is a hash, `{prefix}session:{id}`; the sessions of a user are a sorted set, `{prefix}user:{id}`. Every change is one
//! Lua script, which Redis runs alone: what it compares (the version, the expiry) holds while it writes. Times are compared
//! as text of one width, by the application's clock; the server's own expiry only tidies up.

mod address;
mod link;
mod scripts;

use std::cmp::Reverse;
use std::str::FromStr;
use std::time::Duration;

use ::redis::{Client, FromRedisValue, Value};
use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};

use self::link::Link;
use crate::SessionId;
use crate::store::{MAX_ATTEMPTS, RENEWAL, Record, Save, Saved, SessionInfo, SessionStore, Update};

/// How much longer than a session the server keeps it: its clock, and the time that a request takes, may differ.
const GRACE: TimeDelta = TimeDelta::minutes(1);

/// Keeps sessions in Redis 6 or newer (or Valkey): for many processes, where losing the sessions with the server is bearable.
///
/// `SESSION_STORE = "redis"` makes one of the settings `REDIS_URL`, `REDIS_PREFIX` and `REDIS_TIMEOUT_MS`. In code:
///
/// ```
/// # fn main() -> lback_core::Result<()> {
/// use lback_session::RedisStore;
/// use std::time::Duration;
///
/// let store = RedisStore::open("redis://127.0.0.1:6379/0", "shop:", Duration::from_secs(2))?;
/// # Ok(())
/// # }
/// ```
///
/// A connection is opened when it is first needed, and again when it was lost. While Redis cannot be reached requests that
/// touch their session are answered with 503.
pub struct RedisStore {
    link: Link,
    /// What the names of sessions begin with.
    sessions: String,
    /// What the names of the users' sets begin with.
    users: String,
    /// Who saves one of these sessions does it alone in this process, so that many at once do not spoil each other's attempts.
    turns: [Mutex<()>; 32],
    patience: Duration,
}

impl RedisStore {
    /// In the Redis at `url`, `redis://user:password@host:port/database`, `rediss://…` (feature `redis-tls`) or `unix:///path`,
    /// under names that begin with `prefix`, with answers that are waited for no longer than `patience`.
    ///
    /// # Errors
    /// Where the URL is not one, or the thread that speaks to Redis cannot be started. Whether anybody answers is not tried.
    pub fn open(url: &str, prefix: &str, patience: Duration) -> Result<Self> {
        Self::over(address::client(url)?, prefix, patience)
    }

    /// As [`open`](Self::open), over TLS: `pem` holds the certificates of those who may vouch for the server.
    ///
    /// # Errors
    /// As `open`, and where `pem` holds no certificates.
    #[cfg(feature = "redis-tls")]
    pub fn open_trusting(url: &str, pem: Vec<u8>, prefix: &str, patience: Duration) -> Result<Self> {
        Self::over(address::client_trusting(url, pem)?, prefix, patience)
    }

    fn over(client: Client, prefix: &str, patience: Duration) -> Result<Self> {
        Ok(RedisStore {
            link: Link::open(client, patience)?,
            sessions: format!("{prefix}session:"),
            users: format!("{prefix}user:"),
            turns: Default::default(),
            patience,
        })
    }

    fn key(&self, id: SessionId) -> String {
        format!("{}{id}", self.sessions)
    }

    /// Waits for the turn, but not for ever: without it a save is right all the same.
    async fn turn(&self, id: SessionId) -> Option<MutexGuard<'_, ()>> {
        let turn = self.turns[usize::from(id.as_bytes()[0]) % self.turns.len()].lock();
        match Handle::try_current() {
            Ok(_) => tokio::time::timeout(self.patience, turn).await.ok(),
            Err(_) => Some(turn.await),
        }
    }

    async fn attempt(&self, update: Update) -> Result<Attempt> {
        let mut script = scripts::UPDATE.prepare_invoke();
        script.key(self.key(update.id)).key(self.key(update.new_id));
        script.arg(&self.users).arg(update.id.to_string()).arg(update.new_id.to_string());
        add_times(&mut script, update.expires_at, update.now);
        script.arg(update.version).arg(update.version + 1).arg(user(update.user_id)).arg(update.json);
        script.arg(micros(update.expires_at)).arg(micros(update.now));
        match self.link.run(script).await? {
            Value::Nil => Ok(Attempt::Gone),
            Value::Int(_) => Ok(Attempt::Done),
            fields => {
                Ok(record(update.id, Fields::from_redis_value(fields).map_err(link::unreadable)?).map_or(Attempt::Gone, Attempt::TooLate))
            }
        }
    }
}

enum Attempt {
    Done,
    /// Another request was faster; this is what it left.
    TooLate(Record),
    Gone,
}

impl SessionStore for RedisStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        let mut command = ::redis::cmd("HMGET");
        command.arg(self.key(id)).arg(&["version", "user", "data", "expires", "created", "updated"]);
        Ok(record(id, self.link.read(command).await?))
    }

    async fn create(&self, new: Record) -> Result<()> {
        let mut script = scripts::CREATE.prepare_invoke();
        script.key(self.key(new.id)).arg(&self.users).arg(new.id.to_string());
        add_times(&mut script, new.expires_at, new.updated_at);
        script.arg(new.version).arg(user(new.user_id)).arg(serde_json::to_string(&new.data)?);
        script.arg(micros(new.expires_at)).arg(micros(new.created_at)).arg(micros(new.updated_at));
        match self.link.run(script).await? {
            1 => Ok(()),
            _ => Err(Error::internal(format!("there is a session {} already", new.id))),
        }
    }

    async fn update(&self, update: Update) -> Result<bool> {
        Ok(matches!(self.attempt(update).await?, Attempt::Done))
    }

    async fn save(&self, save: Save) -> Result<Saved> {
        let _turn = self.turn(save.base.id).await;
        let mut update = save.first()?;
        for _ in 0..MAX_ATTEMPTS {
            let saved = Saved::As(update.new_id, update.expires_at);
            match self.attempt(update).await? {
                Attempt::Done => return Ok(saved),
                Attempt::TooLate(fresh) => update = save.again(&fresh)?,
                Attempt::Gone => return Ok(Saved::Gone),
            }
        }
        Err(save.too_many_attempts())
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        let mut script = scripts::DELETE.prepare_invoke();
        script.key(self.key(id)).arg(&self.users).arg(id.to_string());
        Ok(self.link.run::<i64>(script).await? > 0)
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        let mut script = scripts::RENEW.prepare_invoke();
        script.key(self.key(id)).arg(&self.users).arg(id.to_string());
        add_times(&mut script, expires_at, now);
        script.arg(micros(expires_at)).arg(micros(expires_at - RENEWAL)).arg(micros(now));
        Ok(self.link.run::<i64>(script).await? > 0)
    }

    async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        let mut script = scripts::FOR_USER.prepare_invoke();
        script.arg(&self.users).arg(&self.sessions).arg(user_id).arg(micros(now));
        let found: Vec<String> = self.link.run(script).await?;
        let info = |session: &[String]| {
            let [id, created, updated, expires] = session else { return None };
            let (created_at, last_seen, expires_at) = (time(created.as_bytes())?, time(updated.as_bytes())?, time(expires.as_bytes())?);
            Some(SessionInfo { id: id.parse().ok()?, created_at, last_seen, expires_at })
        };
        let mut infos: Vec<SessionInfo> = found.chunks(4).filter_map(info).collect();
        infos.sort_by_key(|info| Reverse((info.last_seen, info.id)));
        Ok(infos)
    }

    async fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        let mut script = scripts::REVOKE_USER.prepare_invoke();
        script.arg(&self.users).arg(&self.sessions).arg(user_id).arg(except.map(|id| id.to_string()).unwrap_or_default());
        self.link.run(script).await
    }
}

/// `version`, `user`, `data`, `expires`, `created` and `updated` of a session.
type Fields = Vec<Option<Vec<u8>>>;

/// The session of these fields; `None` where there is none, or it is not one.
fn record(id: SessionId, fields: Fields) -> Option<Record> {
    let [Some(version), Some(user), Some(data), Some(expires), Some(created), Some(updated)] = <[_; 6]>::try_from(fields).ok()? else {
        return None;
    };
    let Ok(data) = serde_json::from_slice(&data) else {
        tracing::warn!(target: "lback::session", %id, "the data of a session are not a JSON object; its visitor gets a new one");
        return None;
    };
    Some(Record {
        id,
        user_id: parse(&user),
        data,
        version: parse(&version)?,
        expires_at: time(&expires)?,
        created_at: time(&created)?,
        updated_at: time(&updated)?,
    })
}

fn parse<T: FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Adds what concerns the users' sets and the server's own expiry: the time, the session's end, and how long it is kept.
fn add_times(script: &mut ::redis::ScriptInvocation<'_>, expires_at: DateTime<Utc>, now: DateTime<Utc>) {
    // As a length rather than a time, so that it does not matter whether the two clocks agree.
    let kept = (expires_at - now).max(TimeDelta::zero()) + GRACE;
    script.arg(now.timestamp_millis()).arg(expires_at.timestamp_millis()).arg(kept.num_milliseconds());
}

/// A time as it is stored: microseconds since 1970, which Lua's numbers hold exactly.
fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// A time as it was stored.
fn time(field: &[u8]) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(parse(field)?)
}

fn user(id: Option<i64>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
