-- Stores times with a time zone. Existing values are in UTC.
SET LOCAL lock_timeout = '10s';
ALTER TABLE auth_users
    ALTER COLUMN last_login TYPE TIMESTAMPTZ USING last_login AT TIME ZONE 'UTC',
    ALTER COLUMN joined TYPE TIMESTAMPTZ USING joined AT TIME ZONE 'UTC';
