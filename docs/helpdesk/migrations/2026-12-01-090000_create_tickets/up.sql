CREATE TABLE "tickets" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "author_id" BIGINT NOT NULL REFERENCES "auth_users" ("id") ON DELETE RESTRICT,
    "agent_id" BIGINT REFERENCES "auth_users" ("id") ON DELETE RESTRICT,
    "title" TEXT NOT NULL CHECK (length("title") <= 120),
    "text" TEXT NOT NULL CHECK (length("text") <= 10000),
    "is_open" BOOLEAN NOT NULL DEFAULT TRUE,
    "version" INT NOT NULL,
    "created_at" TIMESTAMP NOT NULL
);
CREATE INDEX "tickets_agent_id_idx" ON "tickets" ("agent_id");
CREATE INDEX "tickets_author_id_idx" ON "tickets" ("author_id");
