-- Mail that waits to be sent, written in the transaction of the request that asked for it. A row is found by when it is
-- due; one that is being sent is due again once its sender must have died, and one that was given up never. Times are UTC.
CREATE TABLE mail_outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX mail_outbox_due_at ON mail_outbox (due_at) WHERE due_at IS NOT NULL;
