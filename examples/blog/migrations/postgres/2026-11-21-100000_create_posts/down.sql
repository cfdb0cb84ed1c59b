-- Gives up rather than keep other transactions waiting. If it does, migrate again when there is less to do.
SET LOCAL lock_timeout = '10s';
DROP TABLE "posts";
