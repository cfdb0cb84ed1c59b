CREATE TABLE "comments" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "ticket_id" BIGINT NOT NULL REFERENCES "tickets" ("id") ON DELETE CASCADE,
    "author_id" BIGINT NOT NULL REFERENCES "auth_users" ("id") ON DELETE RESTRICT,
    "text" TEXT NOT NULL CHECK (length("text") <= 10000),
    "created_at" TIMESTAMP NOT NULL
);
CREATE INDEX "comments_author_id_idx" ON "comments" ("author_id");
CREATE INDEX "comments_ticket_id_idx" ON "comments" ("ticket_id");
