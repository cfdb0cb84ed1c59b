-- A requested address becomes the user's when they follow the link in the mail to it. Until then, any number of users may request
-- the same address.
ALTER TABLE auth_users ADD COLUMN pending_email TEXT;
ALTER TABLE auth_users ADD COLUMN pending_email_key TEXT;

CREATE INDEX auth_users_pending_email_key ON auth_users (pending_email_key) WHERE pending_email_key IS NOT NULL;

-- The version of the rules by which the program has computed username_key and the skeletons. SQL cannot compute them, so the
-- program updates rows with an earlier version, such as all existing users, when it starts.
ALTER TABLE auth_users ADD COLUMN key_version INTEGER NOT NULL DEFAULT 0;

CREATE INDEX auth_users_key_version ON auth_users (key_version);

-- The skeletons of user names: a new name whose skeleton is in this table looks like an existing one. A user may have several. If
-- existing users share a skeleton, it belongs to the first of them.
CREATE TABLE auth_username_skeletons (
    skeleton TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE
);

CREATE INDEX auth_username_skeletons_user ON auth_username_skeletons (user_id);
