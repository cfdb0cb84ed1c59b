-- The prefix leaves the name `users` to the application. An id is never reused (AUTOINCREMENT), because a session may
-- outlive its user. Values that are compared without regard to case have columns of their own, because lower() of SQLite supports
-- only ASCII.
CREATE TABLE auth_users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    email TEXT,
    email_key TEXT UNIQUE,
    email_verified BOOLEAN NOT NULL DEFAULT FALSE,
    password TEXT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    is_staff BOOLEAN NOT NULL DEFAULT FALSE,
    is_superuser BOOLEAN NOT NULL DEFAULT FALSE,
    last_login TIMESTAMP,
    joined TIMESTAMP NOT NULL
);

CREATE TABLE auth_groups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE auth_permissions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL
);

CREATE TABLE auth_users_groups (
    user_id BIGINT NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE,
    group_id BIGINT NOT NULL REFERENCES auth_groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
) WITHOUT ROWID;

CREATE TABLE auth_users_permissions (
    user_id BIGINT NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE,
    permission_id BIGINT NOT NULL REFERENCES auth_permissions (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, permission_id)
) WITHOUT ROWID;

CREATE TABLE auth_groups_permissions (
    group_id BIGINT NOT NULL REFERENCES auth_groups (id) ON DELETE CASCADE,
    permission_id BIGINT NOT NULL REFERENCES auth_permissions (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, permission_id)
) WITHOUT ROWID;

CREATE INDEX auth_users_groups_group ON auth_users_groups (group_id);
CREATE INDEX auth_users_permissions_permission ON auth_users_permissions (permission_id);
CREATE INDEX auth_groups_permissions_permission ON auth_groups_permissions (permission_id);

-- The counts of rate limits and failed logins. `id` is a digest, so that the table shows neither addresses nor names.
CREATE TABLE auth_attempts (
    id TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    blocked_until TIMESTAMP NOT NULL,
    forget_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE INDEX auth_attempts_forget_at ON auth_attempts (forget_at);
