-- What Lback keeps about a session (an expiry of its own, messages for the next page) has a column of its own, as JSON, so
-- that a visitor's data may use any key. NULL if there is nothing.
ALTER TABLE sessions ADD COLUMN meta TEXT;

-- Ids that a logout, a login or a revocation ended within the last minute: a late request that still carries one must not
-- begin a new session. Not unique by id alone, so that nothing can keep a session from ending.
CREATE TABLE __lback_session_ends (
    id BYTEA NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (id, ended_at)
);

CREATE INDEX __lback_session_ends_ended_at ON __lback_session_ends (ended_at);

-- Earlier versions kept it in the data. As `json`, not `jsonb`, so that what stays is left as it is, digit for digit. Row by
-- row, so that data which are not JSON stop nothing. Something else stands for U+0000 meanwhile, which PostgreSQL does not know.
DO $$
DECLARE
    one RECORD;
    nul CONSTANT TEXT := E'\\u0000';
    stand_in CONSTANT TEXT := E'\\u0001lback';
BEGIN
    FOR one IN SELECT id, data FROM sessions WHERE data LIKE '%"\_expiry"%' OR data LIKE '%"flash\_messages"%' LOOP
        BEGIN
            WITH entries AS (
                SELECT key, value, position,
                    CASE
                        WHEN key = '_expiry' AND value::text ~ '^(-?[0-9]+|"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*)$' THEN '"expiry":' || value
                        WHEN key = 'flash_messages' AND json_typeof(value) = 'array' THEN '"flashes":' || value
                    END AS moved
                FROM json_each(replace(one.data, nul, stand_in)::json) WITH ORDINALITY AS each (key, value, position)
            ), parts AS (
                SELECT string_agg(moved, ',') AS meta,
                    string_agg(to_json(key)::text || ':' || value::text, ',' ORDER BY position) FILTER (WHERE moved IS NULL) AS data
                FROM entries
            )
            UPDATE sessions
            SET meta = '{' || replace(parts.meta, stand_in, nul) || '}',
                data = '{' || replace(coalesce(parts.data, ''), stand_in, nul) || '}'
            FROM parts WHERE sessions.id = one.id AND parts.meta IS NOT NULL;
        EXCEPTION WHEN data_exception THEN
            RAISE WARNING 'the data of the session % stay as they are: %', encode(one.id, 'hex'), SQLERRM;
        END;
    END LOOP;
END $$;
