//! The stores that the suite runs on, and how to make them fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use lback::prelude::*;
use lback::session::{MemoryStore, Record, SessionId, SessionInfo, SessionStore, Update};
use lback::testing::Client;

use crate::sql;

/// One store of the suite, in an application of the test's own.
pub struct Store {
    kind: Kind,
    state: Arc<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
    Memory,
    Custom,
    #[cfg(feature = "redis")]
    Redis,
    Cookie,
}

/// Runs a test, unless the store's server is not installed here.
pub fn run(store: impl Into<Option<Store>>, test: fn(&Store)) {
    if let Some(store) = store.into() {
        test(&store);
    }
}

/// What can go wrong with a store.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Read,
    Create,
    Update,
    Delete,
}

#[derive(Default)]
struct State {
    faults: [AtomicBool; 4],
    loads: AtomicUsize,
}

impl Store {
    /// The table `sessions` of a SQLite file.
    #[cfg(feature = "sqlite")]
    pub fn database() -> Option<Self> {
        Some(Self::of(Kind::Sqlite))
    }

    /// The table `sessions` of a PostgreSQL server, where that is installed.
    #[cfg(feature = "postgres")]
    pub fn postgres() -> Option<Self> {
        crate::postgres::url().map(|_| Self::of(Kind::Postgres))
    }

    /// `SESSION_STORE = "memory"`.
    pub fn memory() -> Option<Self> {
        Some(Self::of(Kind::Memory))
    }

    /// A store of the application's own.
    pub fn custom() -> Option<Self> {
        Some(Self::of(Kind::Custom))
    }

    /// `SESSION_STORE = "redis"`; `None` where Redis is not installed.
    #[cfg(feature = "redis")]
    pub fn redis() -> Option<Self> {
        super::redis::server().map(|_| Self::of(Kind::Redis))
    }

    /// `SESSION_STORE = "cookie"`.
    pub fn cookie() -> Self {
        Self::of(Kind::Cookie)
    }

    fn of(kind: Kind) -> Self {
        Store { kind, state: Arc::default() }
    }

    pub fn is_database(&self) -> bool {
        match self.kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => true,
            #[cfg(feature = "postgres")]
            Kind::Postgres => true,
            _ => false,
        }
    }

    /// Are expired sessions deleted by the framework, or by the store itself?
    pub fn is_cleaned(&self) -> bool {
        !self.is_redis()
    }

    #[cfg(feature = "redis")]
    fn is_redis(&self) -> bool {
        self.kind == Kind::Redis
    }

    #[cfg(not(feature = "redis"))]
    fn is_redis(&self) -> bool {
        false
    }

    /// Has [`fail`](Self::fail) an effect?
    pub fn can_fail(&self) -> bool {
        !matches!(self.kind, Kind::Memory | Kind::Cookie)
    }

    pub fn client(&self, router: Router) -> Client {
        self.client_with(router, "")
    }

    pub fn client_with(&self, router: Router, settings: &str) -> Client {
        self.open(App::new(router), settings)
    }

    pub fn open(&self, app: App, settings: &str) -> Client {
        self.build(app, settings, Client::with_settings)
    }

    pub fn over_socket(&self, router: Router) -> Client {
        self.build(App::new(router), "", Client::over_socket_with_settings)
    }

    /// Sessions last 30 minutes unless `settings` say otherwise.
    fn build(&self, app: App, settings: &str, make: fn(App, &str) -> Client) -> Client {
        let timeout = if settings.contains("TIMEOUT_MINUTES") || settings.contains("EXPIRY") { "" } else { "SESSION_TIMEOUT_MINUTES = 30" };
        let (app, store) = match self.kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => (app, String::new()),
            #[cfg(feature = "postgres")]
            Kind::Postgres => (app, crate::postgres::url().unwrap_or_default()),
            Kind::Memory => (app, "SESSION_STORE = 'memory'".to_owned()),
            Kind::Custom => (app.session_store(Custom { kept: MemoryStore::new(), state: self.state.clone() }), String::new()),
            Kind::Cookie => (app, "SESSION_STORE = 'cookie'".to_owned()),
            #[cfg(feature = "redis")]
            Kind::Redis => (app, super::redis::settings()),
        };
        let hosts = if settings.contains("ALLOWED_HOSTS") { "" } else { "ALLOWED_HOSTS = ['*']" };
        make(app, &format!("{hosts}\n{timeout}\n{store}\n{settings}"))
    }

    /// Makes something fail from now on.
    pub fn fail(&self, client: &Client, fault: Fault) {
        if self.kind == Kind::Custom {
            return self.state.faults[fault as usize].store(true, Ordering::SeqCst);
        }
        #[cfg(feature = "redis")]
        if self.kind == Kind::Redis {
            return super::redis::fail(client, fault);
        }
        let refuse = |what: &str| match client.database().kind() {
            #[cfg(feature = "sqlite")]
            lback::db::Kind::Sqlite => {
                format!("CREATE TRIGGER fault_{what} BEFORE {what} ON sessions BEGIN SELECT RAISE(ABORT, 'a fault'); END")
            }
            #[cfg(feature = "postgres")]
            lback::db::Kind::Postgres => format!(
                "CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''a fault''; END';
                 CREATE TRIGGER fault_{what} BEFORE {what} ON sessions FOR EACH ROW EXECUTE FUNCTION fault()"
            ),
        };
        match fault {
            Fault::Read => sql(client, "ALTER TABLE sessions RENAME TO sessions_away"),
            Fault::Create => sql(client, &refuse("INSERT")),
            Fault::Update => sql(client, &refuse("UPDATE")),
            Fault::Delete => sql(client, &refuse("DELETE")),
        }
    }

    /// Undoes [`fail`](Self::fail).
    pub fn mend(&self, client: &Client, fault: Fault) {
        if self.kind == Kind::Custom {
            return self.state.faults[fault as usize].store(false, Ordering::SeqCst);
        }
        #[cfg(feature = "redis")]
        if self.kind == Kind::Redis {
            return super::redis::mend(client, fault);
        }
        let allow = |what: &str| match client.database().kind() {
            #[cfg(feature = "sqlite")]
            lback::db::Kind::Sqlite => format!("DROP TRIGGER fault_{what}"),
            #[cfg(feature = "postgres")]
            lback::db::Kind::Postgres => format!("DROP TRIGGER fault_{what} ON sessions"),
        };
        match fault {
            Fault::Read => sql(client, "ALTER TABLE sessions_away RENAME TO sessions"),
            Fault::Create => sql(client, &allow("INSERT")),
            Fault::Update => sql(client, &allow("UPDATE")),
            Fault::Delete => sql(client, &allow("DELETE")),
        }
    }

    /// How often the store was read, where that can be told.
    pub fn loads(&self) -> Option<usize> {
        (self.kind == Kind::Custom).then(|| self.state.loads.load(Ordering::SeqCst))
    }
}

/// What an application's own store may look like: it leaves `save` to the default.
struct Custom {
    kept: MemoryStore,
    state: Arc<State>,
}

impl Custom {
    fn check(&self, fault: Fault) -> Result<()> {
        match self.state.faults[fault as usize].load(Ordering::SeqCst) {
            true => Err(Error::unavailable(format!("a fault: {fault:?}"))),
            false => Ok(()),
        }
    }
}

impl SessionStore for Custom {
    async fn load(&self, id: SessionId) -> Result<Option<Record>> {
        self.state.loads.fetch_add(1, Ordering::SeqCst);
        self.check(Fault::Read)?;
        self.kept.load(id).await
    }

    async fn create(&self, record: Record) -> Result<()> {
        self.check(Fault::Create)?;
        // Not ready at once, like a store across a network.
        tokio::task::yield_now().await;
        self.kept.create(record).await
    }

    async fn update(&self, update: Update) -> Result<bool> {
        self.check(Fault::Update)?;
        tokio::task::yield_now().await;
        self.kept.update(update).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool> {
        self.check(Fault::Delete)?;
        tokio::task::yield_now().await;
        self.kept.delete(id).await
    }

    async fn renew(&self, id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        self.check(Fault::Update)?;
        tokio::task::yield_now().await;
        self.kept.renew(id, expires_at, now).await
    }

    async fn for_user(&self, user_id: i64, now: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        self.check(Fault::Read)?;
        self.kept.for_user(user_id, now).await
    }

    async fn revoke_user(&self, user_id: i64, except: Option<SessionId>) -> Result<u64> {
        self.check(Fault::Delete)?;
        self.kept.revoke_user(user_id, except).await
    }

    async fn end(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        self.check(Fault::Delete)?;
        tokio::task::yield_now().await;
        self.kept.end(id, now).await
    }

    async fn end_user(&self, user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> Result<u64> {
        self.check(Fault::Delete)?;
        self.kept.end_user(user_id, except, now).await
    }

    async fn has_ended(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        self.kept.has_ended(id, now).await
    }

    async fn delete_expired(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        self.check(Fault::Delete)?;
        self.kept.delete_expired(now, limit).await
    }
}
