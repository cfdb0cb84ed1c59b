CREATE TABLE "authors" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL CHECK (length("name") <= 100)
);
CREATE UNIQUE INDEX "authors_name_key" ON "authors" ("name");
CREATE TABLE "books" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "title" TEXT NOT NULL CHECK (length("title") <= 200),
    "author_id" BIGINT NOT NULL REFERENCES "authors" ("id") ON DELETE RESTRICT,
    "year" INT NOT NULL,
    "version" INT NOT NULL,
    CONSTRAINT "year_max_check" CHECK ("year" <= 2100),
    CONSTRAINT "year_min_check" CHECK ("year" >= 0)
);
CREATE INDEX "books_author_id_idx" ON "books" ("author_id");
CREATE INDEX "books_title_idx" ON "books" ("title");
CREATE INDEX "books_year_idx" ON "books" ("year");
