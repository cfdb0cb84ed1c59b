CREATE TABLE mail_outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX mail_outbox_due_at ON mail_outbox (due_at) WHERE due_at IS NOT NULL;

INSERT INTO mail_outbox (mail, attempts, due_at, last_error, created_at)
SELECT payload, attempts, CASE WHEN state <> 'failed' THEN due_at END, last_error, created_at
FROM job_queue
WHERE name = 'send_mail'
ORDER BY id;
DELETE FROM job_queue WHERE name = 'send_mail';
