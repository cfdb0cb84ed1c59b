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
