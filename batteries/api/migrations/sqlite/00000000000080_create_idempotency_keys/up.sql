-- The responses to requests with the header Idempotency-Key, each committed with the work of its request.
CREATE TABLE idempotency_keys (
    -- A digest of the user, the operation and the key.
    id TEXT NOT NULL PRIMARY KEY,
    -- A digest of the path and the body, which a retry must repeat.
    fingerprint TEXT NOT NULL,
    -- The response: its status, headers and body. NULL if it could not be kept.
    status SMALLINT,
    headers BLOB,
    body BLOB,
    -- The time from which the key can be used again, in microseconds since 1970. The row can be deleted then.
    expires_at BIGINT NOT NULL
);

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
