//! What is told to listeners: the signals of every part of Lback.
//!
//! | signal | its type |
//! | --- | --- |
//! | `http.request.received` | [`RequestReceived`] |
//! | `http.request.failed` | [`RequestFailed`] |
//! | `http.response.sent` | [`ResponseSent`] |
//! | `session.created` | [`SessionCreated`] |
//! | `session.deleted` | [`SessionDeleted`] |
//! | `session.revoked` | [`SessionsRevoked`] |
//! | `session.expired` | [`SessionsExpired`] |
//! | `migration.applied` | [`MigrationApplied`] |
//! | `server.started` | [`ServerStarted`] |
//! | `server.stopping` | [`ServerStopping`] |
//! | `user.logged_in`, `user.logged_out`, `user.login_failed`, `user.password_changed` | those of `lback_auth::signals`, with the feature `auth` |
//! | `user.registered` | `UserRegistered`, with the feature `accounts` |
//!
//! An application listens with [`App::on`](crate::App::on) and its siblings, and sends signals of its own with
//! [`req.signal`](crate::RequestSignal::signal) or [`Application::send`](crate::Application::send).

#[cfg(feature = "accounts")]
pub use lback_accounts::signals::*;
#[cfg(feature = "auth")]
pub use lback_auth::signals::*;
pub use lback_core::signals::*;
pub use lback_db::signals::*;
pub use lback_session::signals::*;
