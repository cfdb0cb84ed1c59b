DROP TABLE __lback_session_ends;
ALTER TABLE sessions DROP COLUMN meta;
