-- The counts of LIMITS_URL = "database:".
CREATE TABLE rate_limits (
    -- A digest of the limit and of whom it counts.
    id TEXT NOT NULL PRIMARY KEY,
    -- The time at which the whole burst is available again, in microseconds since 1970. The row can be deleted then.
    full_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX rate_limits_full_at ON rate_limits (full_at);
