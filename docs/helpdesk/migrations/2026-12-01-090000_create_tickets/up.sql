CREATE TABLE tickets (
    id INTEGER NOT NULL PRIMARY KEY,
    author_id BIGINT NOT NULL REFERENCES auth_users (id),
    agent_id BIGINT REFERENCES auth_users (id),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    is_open BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX tickets_author_id ON tickets (author_id);
