-- lback: draft. Adapt the columns here and in src/__APP__/models.rs. Then remove this line, or run: lback migrate
CREATE TABLE __APP___items (
    __ID__,
    title TEXT NOT NULL
);
