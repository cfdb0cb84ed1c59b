//! The tables.

diesel::table! {
    /// The users.
    auth_users (id) {
        /// Never given twice.
        id -> BigInt,
        /// As it is shown.
        username -> Text,
        /// Its normal form, for comparing: [`username_key`](crate::username_key).
        username_key -> Text,
        /// As it was typed.
        email -> Nullable<Text>,
        /// Its normal form, for comparing: [`email_key`](crate::email_key).
        email_key -> Nullable<Text>,
        /// Has somebody followed the link that was sent there?
        email_verified -> Bool,
        /// Hashed.
        password -> Text,
        /// May they log in?
        is_active -> Bool,
        /// Do they work here?
        is_staff -> Bool,
        /// May they do everything?
        is_superuser -> Bool,
        /// When they last logged in.
        last_login -> Nullable<Timestamp>,
        /// When they were made.
        joined -> Timestamp,
        /// An address that becomes `email` once it is verified.
        pending_email -> Nullable<Text>,
        /// Its normal form.
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
        /// Never given twice.
        id -> BigInt,
        /// What it is called.
        name -> Text,
    }
}

diesel::table! {
    /// The permissions.
    auth_permissions (id) {
        /// Never given twice.
        id -> BigInt,
        /// What the program calls it: `blog.add_post`.
        name -> Text,
        /// What people call it.
        label -> Text,
    }
}

diesel::table! {
    /// Who is in which group.
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
