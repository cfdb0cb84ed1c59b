-- What Lback keeps about a session (an expiry of its own, messages for the next page) has a column of its own, as JSON, so
-- that a visitor's data may use any key. NULL if there is nothing.
ALTER TABLE sessions ADD COLUMN meta TEXT;

-- Earlier versions kept it in the data. CASE, because data that are not JSON must not be looked into.
UPDATE sessions
SET meta = json_object('expiry', json_extract(data, '$._expiry')), data = json_remove(data, '$._expiry')
WHERE CASE WHEN json_valid(data) THEN
    json_type(data, '$._expiry') = 'integer'
    OR (json_type(data, '$._expiry') = 'text' AND json_extract(data, '$._expiry') GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*')
END;

UPDATE sessions
SET meta = json_set(coalesce(meta, '{}'), '$.flashes', json_extract(data, '$.flash_messages')),
    data = json_remove(data, '$.flash_messages')
WHERE CASE WHEN json_valid(data) THEN json_type(data, '$.flash_messages') = 'array' END;

-- Ids that a logout, a login or a revocation ended within the last minute: a late request that still carries one must not
-- begin a new session. Not unique by id alone, so that nothing can keep a session from ending.
CREATE TABLE __lback_session_ends (
    id BLOB NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (id, ended_at)
) WITHOUT ROWID;

CREATE INDEX __lback_session_ends_ended_at ON __lback_session_ends (ended_at);
