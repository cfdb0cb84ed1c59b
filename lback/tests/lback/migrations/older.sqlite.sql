-- A database of Lback at the commit a0dff99, before checksums of migrations were recorded: the framework's tables, with a row in each.

-- A row is found by its id, by its user (devices, revoking), and by the hour of its expiry (cleanup). That hour is a
-- column of its own because an index on expires_at itself would have to be rewritten by every renewal.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BIGINT,
    data TEXT NOT NULL,
    version BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    expiry_hour BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX sessions_user_id ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_expiry_hour ON sessions (expiry_hour);

-- Mail that waits to be sent, written in the transaction of the request that asked for it. A row is found by when it is
-- due; one that is being sent is due again once its sender must have died, and one that was given up never. An id is never
-- used twice (AUTOINCREMENT), so that a sender that was halted does not delete another mail. Times are UTC.
CREATE TABLE mail_outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    mail TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX mail_outbox_due_at ON mail_outbox (due_at) WHERE due_at IS NOT NULL;

-- The prefix leaves the name `users` to the application. An id is never given twice (AUTOINCREMENT): a session may outlive
-- its user. What is compared without regard to case has a column of its own, because lower() of SQLite knows only ASCII.
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

-- Attempts to log in that failed, by what is slowed down: an account, an address. `id` is a digest, so that neither stands here.
CREATE TABLE auth_attempts (
    id TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    blocked_until TIMESTAMP NOT NULL,
    forget_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE INDEX auth_attempts_forget_at ON auth_attempts (forget_at);
INSERT INTO auth_users (id, username, username_key, password, joined) VALUES (1, 'Ada', 'ada', '!', '2026-01-01 00:00:00');
INSERT INTO auth_groups (id, name) VALUES (1, 'writers');
INSERT INTO auth_permissions (id, name, label) VALUES (1, 'blog.add_post', 'Write posts');
INSERT INTO auth_users_groups (user_id, group_id) VALUES (1, 1);
INSERT INTO auth_users_permissions (user_id, permission_id) VALUES (1, 1);
INSERT INTO auth_groups_permissions (group_id, permission_id) VALUES (1, 1);
INSERT INTO auth_attempts (id, failures, blocked_until, forget_at) VALUES ('a', 1, '2026-01-01 00:00:00', '2026-01-02 00:00:00');
INSERT INTO mail_outbox (mail, attempts, due_at, created_at) VALUES ('{}', 0, NULL, '2026-01-01 00:00:00');
INSERT INTO sessions (id, user_id, data, version, expires_at, expiry_hour, created_at, updated_at)
    VALUES (x'00112233445566778899aabbccddeeff', 1, '{"cart":[7]}', 3, 4102444800000000, 1139568, 1767225600000000, 1767225600000000);

CREATE TABLE __diesel_schema_migrations (
    version VARCHAR(50) PRIMARY KEY NOT NULL,
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000001'), ('00000000000010'), ('00000000000020');
