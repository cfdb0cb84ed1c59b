//! Sessions: data that is kept for a visitor between requests, and the stores that keep it.

#[cfg(feature = "redis")]
#[doc(inline)]
pub use lback_session::RedisStore;
#[doc(inline)]
pub use lback_session::{
    AppSession, CookieStore, CreateSessions, DatabaseStore, Durability, Expiry, Flash, MemoryStore, Record, RequestSession, RouteSession,
    RouterSession, Save, Saved, SessionBackend, SessionConfig, SessionId, SessionInfo, SessionManager, SessionMeta, SessionMiddleware,
    SessionSettings, SessionStore, StoreName, Update, sessions,
};
// For stores that keep sessions in files.
#[doc(inline)]
pub use lback_core::private_files;
