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
