//! The tables that have no model, and the list of all.

use crate::permissions::{auth_groups, auth_groups_permissions, auth_permissions};
use crate::user::{auth_users, auth_users_groups, auth_users_own_permissions};

diesel::table! {
    auth_username_skeletons (skeleton) {
        skeleton -> Text,
        user_id -> BigInt,
    }
}

diesel::table! {
    auth_attempts (id) {
        id -> Text,
        failures -> Integer,
        blocked_until -> Timestamp,
        forget_at -> Timestamp,
    }
}

lback_db::joinable_tables![auth_username_skeletons, auth_attempts];

/// The tables of [`MIGRATIONS`](crate::MIGRATIONS).
pub fn tables() -> lback_db::Tables {
    lback_db::tables![
        auth_users,
        auth_groups,
        auth_permissions,
        auth_users_groups,
        auth_users_own_permissions,
        auth_groups_permissions,
        auth_attempts
    ]
}
