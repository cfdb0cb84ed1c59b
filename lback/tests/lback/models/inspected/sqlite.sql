CREATE TABLE authors (
    id INTEGER PRIMARY KEY,
    name VARCHAR(50) NOT NULL UNIQUE,
    "type" TEXT,
    born DATE,
    rate DOUBLE NOT NULL DEFAULT 0.5
);

CREATE TABLE posts (
    post_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    author_id BIGINT NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
    editor INTEGER REFERENCES authors,
    parent_id BIGINT REFERENCES posts (post_id) ON DELETE SET NULL,
    title TEXT NOT NULL CHECK (length(title) <= 120),
    state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'in_review', 'A B')),
    flag BOOLEAN NOT NULL DEFAULT FALSE,
    small SMALLINT NOT NULL DEFAULT -3,
    data BLOB,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    length TIME,
    CONSTRAINT small_is_small_check CHECK (small < 100)
);

CREATE INDEX by_title ON posts (title);
CREATE UNIQUE INDEX posts_author_id_title_key ON posts (author_id, title);
CREATE INDEX drafts ON posts (created_at) WHERE state = 'draft';
CREATE INDEX by_expression ON posts (lower(title));

CREATE TABLE "iso countries" (
    code CHAR(2) NOT NULL PRIMARY KEY,
    "the name" TEXT NOT NULL DEFAULT 'it''s "new"'
);

CREATE TABLE pairs (
    post_id BIGINT NOT NULL REFERENCES posts (post_id) ON DELETE CASCADE,
    code TEXT NOT NULL REFERENCES "iso countries" (code),
    PRIMARY KEY (post_id, code)
);

CREATE TABLE measures (
    id INTEGER PRIMARY KEY,
    price NUMERIC(10, 2),
    weight DECIMAL_INT(6, 3) NOT NULL DEFAULT 500,
    place POINT,
    CONSTRAINT light_check CHECK (weight < 9500),
    CONSTRAINT weight_is_positive_check CHECK (weight >= 0)
);

CREATE INDEX heavy ON measures (id) WHERE weight > 5000;

CREATE TABLE without_key (n BIGINT);

CREATE TABLE options (
    id INTEGER PRIMARY KEY,
    string_id BIGINT
);

CREATE TABLE strings (
    id INTEGER PRIMARY KEY,
    text TEXT
);

CREATE TABLE post_states (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE new_posts (
    id INTEGER PRIMARY KEY
);
