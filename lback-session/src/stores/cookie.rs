//! Sessions in the cookies of their visitors.

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};

use crate::SessionId;
use crate::store::{Record, SessionInfo, SessionStore, Update};

/// Keeps no session: each travels in its visitor's cookie, encrypted, and compressed where that helps.
///
/// A store finds a session by its id; here only the visitor's request brings it. So [`SessionManager`](crate::SessionManager)
/// takes it from the cookie and puts it there again, and whatever needs a session that its visitor did not bring is refused
/// with an error: another device's session can neither be listed nor ended.
///
/// `SESSION_STORE = "cookie"` chooses it. In code:
///
/// ```
/// # use lback_core::{Clock, Keys, Result};
/// use lback_session::{CookieStore, SessionConfig, SessionManager, SessionSettings};
///
/// # fn main() -> Result<()> {
/// let settings = SessionSettings { session_timeout_minutes: Some(30), ..SessionSettings::default() };
/// let keys = Keys::derive("session", ["a secret key that is long enough for a test"]);
/// let sessions = SessionManager::new(CookieStore, SessionConfig::check(&settings, true)?, keys, Clock::system());
/// assert!(sessions.is_in_cookies());
/// assert!(sessions.revoke_user(7, None).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CookieStore;

fn refused<T>(what: &str) -> Result<T> {
    Err(Error::internal(format!(
        "sessions are kept in their visitors' cookies, so {what}. Where that is needed write SESSION_STORE = \"database\" in settings.toml"
    )))
}

impl SessionStore for CookieStore {
    async fn load(&self, _: SessionId) -> Result<Option<Record>> {
        refused("none can be read without the request that brings it")
    }

    async fn create(&self, _: Record) -> Result<()> {
        refused("none can be made outside of a request")
    }

    async fn update(&self, _: Update) -> Result<bool> {
        refused("none can be changed outside of its visitor's request")
    }

    async fn delete(&self, _: SessionId) -> Result<bool> {
        refused("none can be ended outside of its visitor's request")
    }

    async fn renew(&self, _: SessionId, _: DateTime<Utc>, _: DateTime<Utc>) -> Result<bool> {
        refused("none can be renewed outside of its visitor's request")
    }

    async fn for_user(&self, _: i64, _: DateTime<Utc>) -> Result<Vec<SessionInfo>> {
        refused("nobody knows which sessions a user has")
    }

    async fn revoke_user(&self, _: i64, _: Option<SessionId>) -> Result<u64> {
        refused("those of a user's other devices cannot be ended")
    }
}
