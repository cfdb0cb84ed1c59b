CREATE TABLE "posts" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "author_id" BIGINT NOT NULL REFERENCES "auth_users" ("id") ON DELETE RESTRICT,
    "title" TEXT NOT NULL CHECK (length("title") <= 120),
    "slug" TEXT NOT NULL CHECK (length("slug") <= 120),
    "body" TEXT NOT NULL CHECK (length("body") <= 50000),
    "state" TEXT NOT NULL DEFAULT 'draft' CHECK ("state" IN ('draft', 'published', 'submitted')),
    "remark" TEXT NOT NULL,
    "version" INT NOT NULL,
    "created_at" TIMESTAMP NOT NULL,
    "updated_at" TIMESTAMP NOT NULL,
    "published_at" TIMESTAMP
);
CREATE INDEX "posts_author_id_idx" ON "posts" ("author_id");
CREATE UNIQUE INDEX "posts_slug_key" ON "posts" ("slug");
CREATE INDEX "posts_state_published_at_idx" ON "posts" ("state", "published_at");
