-- An address that somebody has asked for counts once they have followed the link in the mail that went there. Until then any
-- number of users may have asked for it.
ALTER TABLE auth_users ADD COLUMN pending_email TEXT;
ALTER TABLE auth_users ADD COLUMN pending_email_key TEXT;

CREATE INDEX auth_users_pending_email_key ON auth_users (pending_email_key) WHERE pending_email_key IS NOT NULL;

-- By which version of its rules the program has computed username_key and the skeletons. It does so at its start for what has
-- an earlier one, such as all users of today: SQL cannot.
ALTER TABLE auth_users ADD COLUMN key_version INTEGER NOT NULL DEFAULT 0;

CREATE INDEX auth_users_key_version ON auth_users (key_version);

-- What user names look like: a name whose skeleton is here could be taken for the one that has it. A user may have several, and
-- of users who are older than this table only the first one has theirs.
CREATE TABLE auth_username_skeletons (
    skeleton TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX auth_username_skeletons_user ON auth_username_skeletons (user_id);
