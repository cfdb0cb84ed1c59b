-- Mail that waits to be sent, written in the transaction of its request. Rows are found by due_at. While a mail is being sent,
-- due_at is the time after which its sender is considered dead; it is NULL if the mail was given up. Times are UTC.
CREATE TABLE mail_outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX mail_outbox_due_at ON mail_outbox (due_at) WHERE due_at IS NOT NULL;
