//! Lback: a batteries-included web framework. Pages with database sessions that just work.
//!
//! ```no_run
//! use lback::prelude::*;
//!
//! fn index(req: &mut Request) -> Result<String> {
//!     let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
//!     Ok(format!("You have visited {visits} times."))
//! }
//!
//! fn main() -> Result<()> {
//!     App::new(Router::new().get("/", index)).main()
//! }
//! ```
//!
//! with a `settings.toml` beside it:
//!
//! ```toml
//! DEBUG = true
//! SESSION_TIMEOUT_MINUTES = 30
//! ```
//!
//! The guide, in the repository's `docs` folder, begins with an application and explains each part. Here is where the
//! parts are:
//!
//! | for | look at |
//! | --- | --- |
//! | the application and its command line | [`App`] |
//! | views | [`Request`], [`Response`], [`View`], [`Error`] |
//! | routes | [`Router`] |
//! | middleware | [`Middleware`], [`middleware::Stack`] |
//! | sessions | [`RequestSession`], [`AppSession`], [`SessionManager`] |
//! | the database | [`RequestDb`], [`Db`], [`Migrations`] |
//! | forms | `Form`, `forms` (feature `forms`, on by default) |
//! | signals | [`Signal`], [`signals`], [`App::on`] |
//! | templates | [`App::template_global`], [`App::template_function`], [`App::template_filter`], [`Html`] |
//! | CSRF | [`Request::csrf_token`], [`Router::csrf_exempt`], [`middleware::CsrfMiddleware`] |
//! | users (feature `auth`) | `App::auth`, `RequestAuth`, `RouterAuth`, `User`, `Group` |
//! | settings | [`Settings`], [`CoreSettings`], [`DbSettings`], [`SessionSettings`] |
//! | mail (feature `mail`) | `Mail`, `RequestMail`, `Mailer`, `MailSettings` |
//! | tests | [`testing::Client`] |

pub mod prelude;
pub mod signals;

/// Batteries: what an application is made of, and what plugs into it.
pub mod app {
    #[doc(inline)]
    pub use lback_app::{Battery, Checks, CommandSpec, Setup, TestSettings};
}

#[doc(inline)]
pub use lback_app::{App, Command, MainError};

/// Users: rate limits, permissions of batteries, and what pages for users are made of.
#[cfg(feature = "auth")]
pub mod auth {
    #[doc(inline)]
    pub use lback_auth::{LoginInfo, NameConflict, RateLimit, Throttled};
}

/// The pages on which users register, log in and manage their account.
#[cfg(feature = "accounts")]
pub mod accounts {
    #[doc(inline)]
    pub use lback_accounts::AppAccounts;
}

/// The test client, and what batteries add to it.
pub mod testing {
    #[doc(inline)]
    pub use lback_app::testing::{Client, MultipartBuilder, RequestBuilder, TestResponse, TestSettings, block_on};
    #[cfg(feature = "auth")]
    #[doc(inline)]
    pub use lback_auth::ClientAuth;
    #[cfg(feature = "mail")]
    #[doc(inline)]
    pub use lback_mail::ClientMail;
}

#[cfg(not(all(feature = "accounts", feature = "auth", feature = "mail")))]
mod features_off;
#[cfg(not(all(feature = "accounts", feature = "auth", feature = "mail")))]
#[doc(hidden)]
pub use features_off::*;
#[cfg(feature = "accounts")]
pub use lback_accounts::AppAccounts;
#[cfg(feature = "auth")]
pub use lback_auth::{
    Account, AppAuth, Auth, AuthMiddleware, AuthSettings, ClientAuth, Group, Guard, LoginRefused, NewUser, PasswordRule, PasswordRules,
    Passwords, Permission, RequestAuth, Requirement, RouteAuth, RouterAuth, User, auth_groups, auth_permissions, auth_users,
    auth_users_groups, check_email, check_username, clean_attempts, declare_permissions, email_key, safe_next, update_name_keys,
    username_key,
};
pub use lback_core::*;
pub use lback_db::*;
#[cfg(feature = "forms")]
pub use lback_forms as forms;
#[cfg(feature = "forms")]
pub use lback_forms::{Form, FormErrors};
#[cfg(feature = "mail")]
pub use lback_mail::{
    AppMail, ClientMail, Mail, MailAddress, MailAttachment, MailBackend, MailMessage, MailMiddleware, MailSettings, Mailer, RequestMail,
    SmtpTls,
};
#[cfg(feature = "redis")]
pub use lback_session::RedisStore;
pub use lback_session::{
    AppSession, CookieStore, CreateSessions, DatabaseStore, Durability, Expiry, Flash, MemoryStore, Record, RequestSession, RouteSession,
    RouterSession, Save, Saved, SessionConfig, SessionId, SessionInfo, SessionManager, SessionMeta, SessionMiddleware, SessionSettings,
    SessionStore, StoreName, Update,
};
pub use {chrono, serde, serde_json};

/// The application's own migrations, for [`App::migrations`]: compiled into release builds, read from the folder in
/// others.
///
/// The folder is `migrations`, beside `Cargo.toml`. Where it has a folder for each database instead, `migrations/sqlite`
/// and `migrations/postgres`, the program takes both along and uses that of the database it runs on:
/// `migrations!(sqlite, postgres)`.
#[macro_export]
macro_rules! migrations {
    () => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/migrations")
    };
    (sqlite, postgres) => {
        $crate::migrations::MigrationSet::per_database(
            $crate::migrations!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
            $crate::migrations!("$CARGO_MANIFEST_DIR/migrations/postgres"),
        )
    };
    ($folder:tt) => {{
        use $crate::include_dir;
        const MIGRATIONS: include_dir::Dir<'static> = include_dir::include_dir!($folder);
        MIGRATIONS
    }};
}
