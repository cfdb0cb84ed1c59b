-- lback: draft. Change the columns here and in src/__APP__/models.rs as you need them; then remove this line, or run: lback migrate
CREATE TABLE __APP___items (
    __ID__,
    title TEXT NOT NULL
);
