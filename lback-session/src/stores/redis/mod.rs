//! Sessions in Redis.
//!
//! A session is a string, `{prefix}session:{id}`; the sessions of a user are a sorted set, `{prefix}user:{id}`.
//!
//! * **One thread talks to Redis**, over one connection ([`connection`]), for all views and commands. Requests queue their reads and
//!   writes, which are sent together ([`batching`]): the loads as one `MGET`, the writes as one call of a script. Under load, many
//!   requests share a round trip; a single request is never delayed.
//! * **A write compares and writes in the script** ([`script`]), which Redis runs atomically: what it compares (the state in which the
//!   session was found, or its expiry) cannot change while it writes. Times are compared by the application's clock; the server's own
//!   expiry only cleans up.
//! * **Waiting saves of one session** are applied in memory, one after another, and written once ([`save`]). If another process was
//!   faster, the script returns the stored session, and they are applied to that.
//! * **If the connection is lost** while a script runs, it is unknown whether it ran. It is run again: it replaces a session only if
//!   that is in the state in which it was found, so it takes effect at most once. If the session is in another state, the answer is an
//!   error.
//! * **An ended session** leaves a note for a minute, `{prefix}ended:{id}`.

mod address;
mod batching;
mod connection;
mod encoding;
mod save;
mod script;

use std::cmp::Reverse;
use std::fmt;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use ::redis::{Client, FromRedisValue, Value};
use chrono::{DateTime, Utc};
use lback_core::{Error, Result, Settings, StatusCode};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use self::batching::{Batching, Reply, batching};
use self::connection::Link;
use self::encoding::time;
use self::script::Call;
use crate::store::{ENDED_FOR, MAX_ATTEMPTS, Record, Save, Saved, SessionInfo, SessionStore, Update};
use crate::{SessionId, SessionSettings};

/// Returns a client of the Redis server at `url`, which trusts the certificate authorities of `REDIS_CA_FILE`. `setting` is the name of the
/// setting with the URL.
///
/// # Errors
/// Returns an error that says what to do if the URL is invalid or the file cannot be read.
#[doc(hidden)]
pub fn redis_client(setting: &str, url: &str, settings: &Settings) -> Result<Client> {
    let sessions: SessionSettings = settings.section()?;
    let file = sessions.redis_ca_file.filter(|_| url.starts_with("rediss:")).map(|file| settings.root().join(file));
    let client = match file {
        #[cfg(feature = "redis-tls")]
        Some(file) => {
            let cannot_read =
                |error: std::io::Error| Error::internal(format!("REDIS_CA_FILE: {} cannot be read", file.display())).with_source(error);
            address::client_trusting(url, std::fs::read(&file).map_err(cannot_read)?)
        }
        _ => address::client(url),
    };
    client.map_err(|error| Error::internal(error.to_string().replace("REDIS_URL", setting)))
}

/// Maximum wait: longer ones would overflow a time.
const LONGEST_PATIENCE: Duration = Duration::from_hours(24);
/// Maximum number of concurrent `MGET`s: while one batch waits for its answer, the next one is sent.
const LOADS_AT_ONCE: usize = 2;

/// Keeps sessions in Redis 6 or newer (or Valkey): for applications with many processes that can bear to lose sessions with the server.
///
/// `SESSION_STORE = "redis"` makes one from the settings `REDIS_URL`, `REDIS_PREFIX` and `REDIS_TIMEOUT_MS`. In code:
///
/// ```
/// # fn main() -> lback::Result<()> {
/// use lback::session::RedisStore;
/// use std::time::Duration;
///
/// let store = RedisStore::open("redis://127.0.0.1:6379/0", "shop:", Duration::from_secs(2))?;
/// # Ok(())
/// # }
/// ```
///
/// A connection is opened when it is first needed, and again if it was lost. While Redis cannot be reached, requests that use their
/// session are answered with 503.
pub struct RedisStore {
    /// The queue of loads.
    loads: Batching<SessionId, Option<Vec<u8>>>,
    saves: Batching<Save, Saved>,
    /// The queue of everything else.
    others: Batching<Call, Value>,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

/// The state of the thread that talks to Redis. It ends when the store is dropped.
struct Redis {
    link: Rc<Link>,
    /// The prefix of the keys of sessions.
    sessions: String,
    /// The prefix of the keys of the users' sets.
    users: String,
    /// The prefix of the keys of notes about ended sessions.
    ended: String,
}

impl RedisStore {
    /// Returns a store in the Redis at `url`: `redis://user:password@host:port/database`, `rediss://…` (feature `redis-tls`) or
    /// `unix:///path`. Its keys begin with `prefix`, and it waits for answers no longer than `patience`.
    ///
    /// # Errors
    /// Returns an error if the URL is invalid or the thread that talks to Redis cannot be started. It does not try to connect.
    pub fn open(url: &str, prefix: &str, patience: Duration) -> Result<Self> {
        Self::over(address::client(url)?, prefix, patience)
    }

    /// As [`open`](Self::open), over TLS: `pem` has the certificates of the trusted authorities.
    ///
    /// # Errors
    /// As `open`, and if `pem` has no certificates.
    #[cfg(feature = "redis-tls")]
    pub fn open_trusting(url: &str, pem: Vec<u8>, prefix: &str, patience: Duration) -> Result<Self> {
        Self::over(address::client_trusting(url, pem)?, prefix, patience)
    }

    fn over(client: Client, prefix: &str, patience: Duration) -> Result<Self> {
        let patience = patience.min(LONGEST_PATIENCE);
        let [sessions, users, ended] = ["session", "user", "ended"].map(|what| format!("{prefix}{what}:"));
        let ((loads, to_load), (saves, to_save), (others, other)) = (batching(patience), batching(patience), batching(patience));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let serve = async move || {
            let redis = Rc::new(Redis { link: Rc::new(Link::new(client, patience)), sessions, users, ended });
            let to_load = Rc::new(to_load);
            for _ in 0..LOADS_AT_ONCE {
                spawn_local(to_load.clone().serve(on(redis.clone(), load)));
            }
            spawn_local(Rc::new(to_save).serve(on(redis.clone(), save::save)));
            Rc::new(other).serve(on(redis, call)).await;
        };
        thread::Builder::new().name("lback-redis".to_owned()).spawn(move || LocalSet::new().block_on(&runtime, serve()))?;
        Ok(RedisStore { loads, saves, others })
    }

    /// Returns the number of sessions that the call has found.
    async fn count(&self, call: Call) -> Result<u64> {
        ::redis::from_redis_value(self.others.ask(call).await?).map_err(connection::unexpected)
    }

    /// The answer to a call that only reads.
    async fn look_up<T: FromRedisValue>(&self, call: Call) -> Result<T> {
        let found = self.others.ask(call).await.map_err(unreadable)?;
        ::redis::from_redis_value(found).map_err(connection::unexpected)
    }
}

/// Runs `answer` with the state of the thread.
fn on<Q, F>(redis: Rc<Redis>, answer: impl Fn(Rc<Redis>, Vec<Q>, Instant) -> F) -> impl Fn(Vec<Q>, Instant) -> F {
    move |questions, until| answer(redis.clone(), questions, until)
}

async fn load(redis: Rc<Redis>, loads: Vec<(SessionId, Reply<Option<Vec<u8>>>)>, until: Instant) {
    let mut command = ::redis::cmd("MGET");
    for (id, _) in &loads {
        command.arg(format!("{}{id}", redis.sessions));
    }
    let found: Result<Vec<Option<Vec<u8>>>> = redis.link.read(&command, until).await;
    reply_all(loads.into_iter().map(|(_, reply)| reply), found.map(|found| found.into_iter().map(Ok)));
}

async fn call(redis: Rc<Redis>, calls: Vec<(Call, Reply<Value>)>, until: Instant) {
    let answers = script::run(&redis, calls.iter().map(|(call, _)| call), until).await;
    reply_all(calls.into_iter().map(|(_, reply)| reply), answers);
}

/// Sends each answer, or the same error to all.
fn reply_all<A: Send + 'static>(replies: impl Iterator<Item = Reply<A>>, answers: Result<impl IntoIterator<Item = Result<A>>>) {
    batching::reply(match answers {
        Ok(answers) => replies.zip(answers).collect(),
        Err(error) => replies.map(|reply| (reply, Err(Error::new(error.status(), error.to_string())))).collect(),
    });
}

/// Returns the error for sessions that cannot be read, whatever the reason: 503, so that nobody is logged out.
fn unreadable(error: Error) -> Error {
    error.with_status(StatusCode::SERVICE_UNAVAILABLE)
}

impl SessionStore for RedisStore {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        let stored = self.loads.ask(id).await.map_err(unreadable)?;
        Ok(stored.and_then(|stored| encoding::record(id, &stored)))
    }

    async fn create(&self, new: Record) -> Result<()> {
        match self.count(Call::create(&new)?).await? {
            1 => Ok(()),
            _ => Err(Error::internal(format!("a session {} exists already", new.id))),
        }
    }

    async fn update(&self, update: Update) -> Result<bool> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(found) = self.load(update.id).await? else { return Ok(false) };
            let Some(new) = update.applied_to(Some(found.clone())) else { return Ok(false) };
            // Otherwise it was renewed, or another request was faster.
            if self.others.ask(Call::replace(&found, &new, &update.json)?).await? == Value::Int(1) {
                return Ok(true);
            }
        }
        Err(save::too_many_attempts())
    }

    async fn save(&self, save: Save) -> Result<Saved> {
        self.saves.ask(save).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        self.end(id, Utc::now()).await
    }

    async fn end(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        Ok(self.count(Call::delete(id, now)).await? > 0)
    }

    async fn has_ended(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        let ended_at: Option<Vec<u8>> = self.look_up(Call::ended(id)).await?;
        Ok(ended_at.and_then(|ended_at| time(&ended_at)).is_some_and(|ended_at| now - ended_at < ENDED_FOR))
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        Ok(self.count(Call::renew(id, expires_at, now)).await? > 0)
    }

    async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        let found: Vec<String> = self.look_up(Call::list(user_id, now)).await?;
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
        self.end_user(user_id, except, Utc::now()).await
    }

    async fn end_user(&self, user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> Result<u64> {
        self.count(Call::revoke(user_id, except, now)).await
    }
}
