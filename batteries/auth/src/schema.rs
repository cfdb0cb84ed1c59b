//! The tables.

diesel::table! {
    /// The users.
    auth_users (id) {
        /// The id, which is never reused.
        id -> BigInt,
        /// The name as it is displayed.
        username -> Text,
        /// The normal form of the name, for comparisons: [`username_key`](crate::username_key).
        username_key -> Text,
        /// The e-mail address as it was typed.
        email -> Nullable<Text>,
        /// The normal form of the address, for comparisons: [`email_key`](crate::email_key).
        email_key -> Nullable<Text>,
        /// Whether the address is verified.
        email_verified -> Bool,
        /// The password hash.
        password -> Text,
        /// Whether the user may log in.
        is_active -> Bool,
        /// Whether the user is staff.
        is_staff -> Bool,
        /// Whether the user has every permission.
        is_superuser -> Bool,
        /// The time of the last login.
        last_login -> Nullable<Timestamp>,
        /// The time at which the user was created.
        joined -> Timestamp,
        /// The address that becomes `email` when it is verified.
        pending_email -> Nullable<Text>,
        /// The normal form of the pending address.
        pending_email_key -> Nullable<Text>,
        /// The version of the rules by which `username_key` was computed.
        key_version -> Integer,
    }
}

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
    auth_users,
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
