//! Sessions in the cookies of their visitors.

/// Keeps no session: each travels in its visitor's cookie, encrypted, and compressed if that makes it smaller.
///
/// It is not a [`SessionStore`](crate::SessionStore): a store finds a session by its id, and here only the visitor's request brings
/// it. [`SessionManager`](crate::SessionManager) reads it from the cookie and writes it back; whatever needs a session that its
/// visitor did not bring is refused with an error. The sessions of other devices can be neither listed nor ended.
///
/// `SESSION_STORE = "cookie"` chooses it. In code:
///
/// ```
/// # use lback::Result;
/// # use lback::app::Clock;
/// # use lback::http::Keys;
/// use lback::session::{CookieStore, SessionConfig, SessionManager, SessionSettings};
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
