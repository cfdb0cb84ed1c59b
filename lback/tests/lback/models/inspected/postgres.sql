CREATE TABLE authors (
    id SERIAL PRIMARY KEY,
    name VARCHAR(50) NOT NULL UNIQUE,
    "type" TEXT,
    born DATE,
    rate DOUBLE PRECISION NOT NULL DEFAULT 0.5
);

CREATE TYPE mood AS ENUM ('sad', 'happy');

CREATE TABLE posts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
    editor BIGINT REFERENCES authors,
    parent_id BIGINT REFERENCES posts (id) ON DELETE SET NULL,
    title VARCHAR(120) NOT NULL,
    state TEXT NOT NULL DEFAULT 'draft' CONSTRAINT posts_state_choices CHECK (state IN ('draft', 'in_review', 'A B')),
    flag BOOLEAN NOT NULL DEFAULT FALSE,
    small SMALLINT NOT NULL DEFAULT -3,
    data BYTEA,
    extra JSONB,
    token UUID NOT NULL DEFAULT gen_random_uuid(),
    local TIMESTAMP,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT posts_small_is_small_check CHECK (small < 100)
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
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    code CHAR(2) NOT NULL REFERENCES "iso countries" (code),
    PRIMARY KEY (post_id, code)
);

CREATE TABLE measures (
    id BIGSERIAL PRIMARY KEY,
    price NUMERIC(10, 2),
    weight NUMERIC(6, 3) NOT NULL DEFAULT 0.5,
    amount NUMERIC,
    place POINT,
    feeling mood,
    CONSTRAINT measures_light_check CHECK (weight < 9.5),
    CONSTRAINT measures_weight_is_positive_check CHECK (weight >= 0)
);

CREATE INDEX heavy ON measures (id) WHERE weight > 5;

CREATE TABLE without_key (n BIGINT);

CREATE TABLE options (
    id BIGSERIAL PRIMARY KEY,
    string_id BIGINT
);

CREATE TABLE strings (
    id BIGSERIAL PRIMARY KEY,
    text TEXT
);

CREATE TABLE post_states (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE new_posts (
    id BIGSERIAL PRIMARY KEY
);
