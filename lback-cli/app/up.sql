CREATE TABLE __APP___items (
    __ID__,
    title TEXT NOT NULL
);
