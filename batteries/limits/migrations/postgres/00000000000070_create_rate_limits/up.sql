-- The counts of LIMITS_URL = "database:". They are not worth a write to the log: after a crash of the server, the table is empty.
CREATE UNLOGGED TABLE rate_limits (
    -- A digest of the limit and of whom it counts.
    id TEXT NOT NULL PRIMARY KEY,
    -- The time at which the whole burst is available again, in microseconds since 1970. The row can be deleted then.
    full_at BIGINT NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX rate_limits_full_at ON rate_limits (full_at);
