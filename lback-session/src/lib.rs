//! Sessions for the [Lback](https://docs.rs/lback) web framework: kept in the database, loaded when they are first used, saved
//! together with the view's own work, without lost updates.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod blocking;
mod changes;
mod cleanup;
mod config;
mod cookie;
mod csrf;
mod end_of_request;
mod flash;
mod id;
mod manager;
mod meta;
mod middleware;
mod panel;
mod request;
mod sealed;
mod session;
pub mod signals;
mod storable;
mod store;
mod stores;

pub use backend::SessionBackend;
pub use cleanup::clean_regularly;
pub use config::{CreateSessions, Durability, SessionConfig, SessionSettings, StoreName};
pub use flash::Flash;
pub use id::SessionId;
pub use manager::SessionManager;
pub use meta::{Expiry, SessionMeta};
pub use middleware::SessionMiddleware;
pub use panel::SessionPanel;
pub use request::{RequestSession, RouteSession, RouterSession};
pub use session::AppSession;
pub use store::{Data, Record, Save, Saved, SessionInfo, SessionStore, Update};
pub use stores::{CookieStore, DatabaseStore, MemoryStore, sessions, tables};
#[cfg(feature = "redis")]
pub use stores::{RedisStore, redis_client};

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that make the table `sessions`.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);
