CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    full_name TEXT NOT NULL
);

-- The password is "wonderland", hashed with argon2id.
INSERT INTO users (id, username, password, full_name) VALUES (1, 'alice', '$argon2id$v=19$m=19456,t=2,p=1$nv2uhQn/QIrB1lQvo2V8Mw$X6sW+EpNZaF/WTo8QhmpDC9DY2EOCTRwuqYZ6Vcux7k', 'Alice Liddell');
