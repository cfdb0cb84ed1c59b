DROP TABLE auth_username_skeletons;
DROP INDEX auth_users_key_version;
ALTER TABLE auth_users DROP COLUMN key_version;
DROP INDEX auth_users_pending_email_key;
ALTER TABLE auth_users DROP COLUMN pending_email_key;
ALTER TABLE auth_users DROP COLUMN pending_email;
