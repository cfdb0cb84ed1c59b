-- What the commits of the application have changed, so that every process knows which cached values are out of date. The ids
-- are in the order of the commits. Rows are deleted after some minutes.
CREATE TABLE cache_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Hashes of tables and rows.
    slots TEXT NOT NULL,
    -- Seconds since 1970.
    created_at BIGINT NOT NULL
);

-- The values of CACHE_URL = "database:".
CREATE TABLE cache_entries (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    -- The time after which the row can be deleted, in seconds since 1970.
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX cache_entries_expires_at ON cache_entries (expires_at);
