//! All tables except [`auth_users`](crate::auth_users), the table of a model.

use crate::user::auth_users;

diesel::table! {
    auth_username_skeletons (skeleton) {
        skeleton -> Text,
        user_id -> BigInt,
    }
}

diesel::table! {
    /// The groups.
    auth_groups (id) {
        /// The id, which is never reused.
        id -> BigInt,
        /// The name.
        name -> Text,
    }
}

diesel::table! {
    /// The permissions.
    auth_permissions (id) {
        /// The id, which is never reused.
        id -> BigInt,
        /// The name for the program: `blog.add_post`.
        name -> Text,
        /// The label for people.
        label -> Text,
    }
}

diesel::table! {
    /// The members of the groups.
    auth_users_groups (user_id, group_id) {
        /// The user.
        user_id -> BigInt,
        /// The group.
        group_id -> BigInt,
    }
}

diesel::table! {
    auth_users_permissions (user_id, permission_id) {
        user_id -> BigInt,
        permission_id -> BigInt,
    }
}

diesel::table! {
    auth_groups_permissions (group_id, permission_id) {
        group_id -> BigInt,
        permission_id -> BigInt,
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

lback_db::joinable_tables![
    auth_username_skeletons,
    auth_groups,
    auth_permissions,
    auth_users_groups,
    auth_users_permissions,
    auth_groups_permissions,
    auth_attempts
];

/// The tables of [`MIGRATIONS`](crate::MIGRATIONS).
pub fn tables() -> lback_db::Tables {
    lback_db::tables![
        auth_users,
        auth_groups,
        auth_permissions,
        auth_users_groups,
        auth_users_permissions,
        auth_groups_permissions,
        auth_attempts
    ]
}
