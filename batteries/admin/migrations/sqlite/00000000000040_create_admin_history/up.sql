-- The changes of rows, in the transaction of each change. The user is not a reference, so that the history outlives the user.
CREATE TABLE admin_history (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    user_id BIGINT,
    user_name TEXT NOT NULL,
    address TEXT,
    batch TEXT NOT NULL,
    undoes TEXT,
    action TEXT NOT NULL CHECK (action IN ('change', 'create', 'delete')),
    model TEXT NOT NULL,
    row_key TEXT NOT NULL,
    label TEXT NOT NULL,
    before TEXT,
    after TEXT
);

CREATE INDEX admin_history_row ON admin_history (model, row_key, id);
CREATE INDEX admin_history_batch ON admin_history (batch);
CREATE INDEX admin_history_undoes ON admin_history (undoes);
CREATE INDEX admin_history_at ON admin_history (at);
