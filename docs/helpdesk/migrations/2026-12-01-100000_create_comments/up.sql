CREATE TABLE comments (
    id INTEGER NOT NULL PRIMARY KEY,
    ticket_id BIGINT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    author_id BIGINT NOT NULL REFERENCES auth_users (id),
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX comments_ticket_id ON comments (ticket_id);
