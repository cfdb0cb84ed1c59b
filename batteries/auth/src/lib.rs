//! Users for the [Lback](https://docs.rs/lback) web framework: logins, passwords, API tokens, groups, permissions, guards for routes, and
//! rate limits.
//!
//! An application depends on the crate `lback`, which re-exports everything here with its feature `auth`, and installs users with
//! `App::new(urls).auth()`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
mod api_token;
mod auth;
mod battery;
mod commands;
mod declarations;
mod guard;
mod impersonation;
mod install;
mod login;
mod members;
mod middleware;
mod name;
mod name_keys;
mod new_user;
mod next;
mod password;
mod permissions;
mod rate_limit;
mod request;
mod right;
mod schema;
mod sealed;
mod settings;
pub mod signals;
mod testing;
mod token;
mod user;
mod user_agent;

pub use account::Account;
pub use api_token::{NewToken, RouteTokens, Token, auth_tokens};
pub use auth::Auth;
pub use battery::AppAuth;
pub use declarations::SetupAuth;
pub use guard::{Guard, Requirement, RouteAuth, RouterAuth};
#[doc(hidden)]
pub use impersonation::Observer;
pub use login::{LoginInfo, LoginRefused};
pub use middleware::AuthMiddleware;
pub use name::{check_email, check_username, email_key, username_key};
pub use name_keys::update_name_keys;
pub use new_user::{NameConflict, NewUser};
pub use next::safe_next;
pub use password::{PasswordRules, Passwords};
pub use permissions::{Group, NewGroup, NewPermission, Permission, auth_groups, auth_permissions, declare_permissions};
pub use rate_limit::{RateLimit, Throttled, clean_attempts};
pub use request::RequestAuth;
pub use right::{Right, RoutePermissions};
pub use schema::tables;
pub use settings::{AuthSettings, PasswordRule};
pub use testing::ClientAuth;
pub use user::{User, UserGroups, auth_users, auth_users_groups};

use lback_db::MigrationSet;
use lback_db::include_dir::{self, include_dir};

/// The migrations that create the tables `auth_…`.
pub const MIGRATIONS: MigrationSet = MigrationSet::per_database(
    include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite"),
    include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres"),
);
