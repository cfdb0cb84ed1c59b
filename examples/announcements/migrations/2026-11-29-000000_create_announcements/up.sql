CREATE TABLE announcements (
    id BIGINT PRIMARY KEY,
    text TEXT NOT NULL,
    closes_site BOOLEAN NOT NULL
);
