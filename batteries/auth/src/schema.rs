//! The tables of which only this crate knows, and the list of all.

use lback_models::Model;

use crate::User;
use crate::api_token::auth_tokens;
use crate::permissions::{auth_groups, auth_groups_permissions, auth_permissions};
use crate::user::{auth_users, auth_users_groups, auth_users_own_permissions};

/// A name that looks like that of a user. It is a model, so that it is dumped and loaded together with the user.
#[derive(Model, Clone, Debug)]
#[model(crate = lback_models, table = "auth_username_skeletons", read_only, unmanaged)]
pub struct Skeleton {
    /// The form that names that look alike share.
    #[model(primary_key)]
    pub skeleton: String,
    /// The user.
    #[model(references = User, on_delete = cascade)]
    pub user_id: i64,
}

diesel::table! {
    auth_attempts (id) {
        id -> Text,
        failures -> Integer,
        blocked_until -> Timestamp,
        forget_at -> Timestamp,
    }
}

lback_db::joinable_tables![auth_attempts];

/// The tables of [`MIGRATIONS`](crate::MIGRATIONS).
pub fn tables() -> lback_db::Tables {
    lback_db::tables![
        auth_users,
        auth_groups,
        auth_permissions,
        auth_users_groups,
        auth_users_own_permissions,
        auth_groups_permissions,
        auth_attempts,
        auth_tokens
    ]
}
