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
//! [`req.signal`](RequestSignal::signal) or [`Application::send`](crate::app::Application::send).

#[cfg(feature = "accounts")]
#[doc(inline)]
pub use lback_accounts::signals::UserRegistered;
#[cfg(feature = "auth")]
#[doc(inline)]
pub use lback_auth::signals::{UserLoggedIn, UserLoggedOut, UserLoginFailed, UserPasswordChanged};
#[doc(inline)]
pub use lback_core::signals::{
    AnySignal, ListenerOutput, Listeners, RequestFailed, RequestReceived, ResponseSent, ServerStarted, ServerStopping, Signal,
};
#[doc(inline)]
pub use lback_db::signals::{MigrationApplied, RequestSignal};
#[doc(inline)]
pub use lback_session::signals::{SessionCreated, SessionDeleted, SessionsExpired, SessionsRevoked};
