-- Mails wait as jobs. Those that were given up can be sent again for a week.
INSERT INTO job_queue (name, queue, payload, priority, state, due_at, attempts, unique_while_waiting, is_cancelled, last_error, keep_until, created_at, ended_at)
SELECT 'send_mail', 'mail', mail, 0, CASE WHEN due_at IS NULL THEN 'failed' ELSE 'waiting' END, coalesce(due_at, created_at), attempts,
    FALSE, FALSE, last_error, CASE WHEN due_at IS NULL THEN (now() AT TIME ZONE 'UTC') + INTERVAL '7 days' END, created_at, CASE WHEN due_at IS NULL THEN created_at END
FROM mail_outbox
ORDER BY id;
DROP TABLE mail_outbox;
