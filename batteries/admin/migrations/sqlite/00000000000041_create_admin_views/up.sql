-- The views of lists that users have saved. They go with their user.
CREATE TABLE admin_views (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES auth_users (id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    is_shared BOOLEAN NOT NULL,
    UNIQUE (user_id, model, name)
);

CREATE INDEX admin_views_shared ON admin_views (model) WHERE is_shared;
