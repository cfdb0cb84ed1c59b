-- What the commits of the application have changed, so that every process knows which cached values are out of date. Rows are
-- deleted after some minutes.
CREATE TABLE cache_changes (
    -- The id of the transaction.
    id BIGINT NOT NULL,
    -- Hashes of tables and rows.
    slots TEXT NOT NULL,
    -- Seconds since 1970.
    created_at BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX cache_changes_id ON cache_changes (id);

-- The values of CACHE_URL = "database:". They are not worth a write to the log: after a crash of the server, the table is empty.
CREATE UNLOGGED TABLE cache_entries (
    key TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL,
    -- The time after which the row can be deleted, in seconds since 1970.
    expires_at BIGINT NOT NULL
);

CREATE INDEX cache_entries_expires_at ON cache_entries (expires_at);
