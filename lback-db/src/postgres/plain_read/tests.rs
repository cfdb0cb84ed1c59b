use super::functions::FUNCTIONS;
use super::is_plain_read;

#[track_caller]
fn assert_plain(statements: &[&str]) {
    for sql in statements {
        assert!(is_plain_read(sql), "needs no transaction: {sql}");
    }
}

#[track_caller]
fn assert_needs_transaction(statements: &[&str]) {
    for sql in statements {
        assert!(!is_plain_read(sql), "needs a transaction: {sql}");
    }
}

#[test]
fn what_diesel_writes_for_ordinary_queries_is_plain() {
    assert_plain(&[
        r#"SELECT "posts"."id", "posts"."title" FROM "posts" WHERE (("posts"."id" = $1) AND ("posts"."published" = $2)) LIMIT $3"#,
        r#"SELECT COUNT(*) FROM "posts""#,
        r#"SELECT "posts"."id" FROM "posts" WHERE ("posts"."id" IN ($1, $2)) ORDER BY "posts"."id" DESC LIMIT $3 OFFSET $4"#,
        r#"SELECT "posts"."id" FROM "posts" WHERE ("posts"."id" = ANY($1))"#,
        r#"SELECT EXISTS (SELECT "posts"."id" FROM "posts" WHERE ("posts"."id" = $1))"#,
        r#"SELECT "p"."id" FROM ("posts" INNER JOIN "users" ON ("posts"."author_id" = "users"."id")) WHERE ("users"."name" ILIKE $1)"#,
        r#"SELECT "a"."id" FROM ("a" LEFT OUTER JOIN ("b" INNER JOIN "c" ON ("b"."c" = "c"."id")) ON ("a"."b" = "b"."id"))"#,
        r#"(SELECT "a"."id" FROM "a") UNION ALL (SELECT "b"."id" FROM "b")"#,
        r#"SELECT DISTINCT ON ("a"."id") "a"."id" FROM "a" ORDER BY "a"."id""#,
        r#"SELECT max("a"."n"), min("a"."n") FROM "a" GROUP BY "a"."kind" HAVING (count(*) > $1)"#,
        r#"SELECT CAST("a"."n" AS BIGINT), CASE WHEN ("a"."n" > $1) THEN $2 ELSE ($3) END FROM "a""#,
        r#"SELECT ("a"."n" BETWEEN ($1) AND ($2)) FROM "a""#,
    ]);
}

#[test]
fn what_people_write_by_hand_is_plain_if_it_only_reads() {
    assert_plain(&[
        "select 1",
        "  SELECT*FROM notes",
        "SELECT lower(name) || ' — ' || coalesce(title, '') FROM users WHERE city = 'São Paulo'",
        "SELECT 'it''s', \"a\"\"b\" FROM t",
        "SELECT date_trunc('month', created_at)::date, count(*) FILTER (WHERE paid) FROM orders GROUP BY 1 ORDER BY 1",
        "SELECT rank() OVER (PARTITION BY city ORDER BY n DESC) FROM t",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FROM t",
        "WITH recent AS (SELECT * FROM posts WHERE n > 1.5) SELECT count(*) FROM recent",
        "SELECT data ->> 'a', data @> '{\"b\": [1]}' FROM t WHERE tags && ARRAY['x', 'y']",
        "SELECT id FROM t WHERE (a, b) IN (VALUES (1, 2), (3, 4))",
        "SELECT n::numeric(10, 2) FROM t",
        "SELECT * FROM a JOIN (SELECT id FROM b) AS c ON c.id = a.id",
        // The words stand in texts and names.
        "SELECT 'insert into; -- for update', \"for\", \"current_timestamp\" FROM t",
        "SELECT \"delete\" FROM t WHERE note = 'pg_advisory_lock(1)'",
    ]);
}

#[test]
fn other_statements_need_a_transaction() {
    assert_needs_transaction(&[
        "",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET n = 1",
        "DELETE FROM t",
        "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE",
        "BEGIN",
        "SET LOCAL statement_timeout = 1",
        "SHOW search_path",
        "LISTEN news",
        "NOTIFY news",
        "LOCK TABLE t",
        "DECLARE c CURSOR FOR SELECT 1",
        "FETCH 10 FROM c",
        "CREATE TEMP TABLE t (n int)",
        "COPY t TO STDOUT",
        "CALL work()",
        "DO 'BEGIN END'",
        "EXECUTE prepared",
        "PREPARE p AS SELECT 1",
        "EXPLAIN ANALYZE DELETE FROM t",
        "VACUUM",
        "TABLE t",
        "SAVEPOINT s",
        "selecting",
    ]);
}

#[test]
fn a_select_that_locks_or_writes_needs_a_transaction() {
    assert_needs_transaction(&[
        r#"SELECT "t"."id" FROM "t" WHERE ("t"."id" = $1) FOR UPDATE"#,
        "SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED",
        "SELECT * FROM t FOR SHARE",
        "SELECT * FROM t\nfor\nkey share",
        "SELECT * FROM t LIMIT 1FOR UPDATE",
        "SELECT * FROM t WHERE a = 'x'FOR UPDATE",
        "SELECT * FROM \"t\"for update",
        "SELECT * FROM t WHERE a = $1for update",
        "SELECT * INTO copy FROM t",
        "WITH new AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM new",
        "WITH old AS (DELETE FROM t RETURNING *) SELECT * FROM old",
        "WITH new AS (UPDATE t SET n = 1 RETURNING *) SELECT * FROM new",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        "SELECT (WITH x AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING *) SELECT 1)",
    ]);
}

#[test]
fn a_function_that_is_not_known_needs_a_transaction() {
    assert_needs_transaction(&[
        "SELECT nextval('ids')",
        "SELECT setval('ids', 1)",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_advisory_lock (1)",
        "SELECT pg_try_advisory_lock(1)",
        "SELECT set_config('a.b', 'c', true)",
        "SELECT pg_notify('news', 'x')",
        "SELECT lo_create(0), lo_unlink(1)",
        "SELECT lo_from_bytea(0, $1)",
        "SELECT dblink_exec('INSERT INTO t VALUES (1)')",
        "SELECT txid_current()",
        "SELECT pg_current_xact_id()",
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_sleep(1)",
        "SELECT query_to_xml('DELETE FROM t', true, true, '')",
        "SELECT now()",
        "SELECT my_function(1)",
        "SELECT * FROM my_function(1)",
        "SELECT * FROM t, LATERAL touch(t.id)",
        "SELECT * FROM ROWS FROM (touch(1))",
        "SELECT a FROM t WHERE touch(id) > 0",
        "SELECT a FROM t ORDER BY touch(id)",
        "SELECT 1touch(2)",
        "SELECT a FROM t WHERE 1=1and touch(2)",
        // A name, a schema and a letter make another function of one that is known.
        "SELECT audit.lower('x')",
        "SELECT audit . lower ('x')",
        "SELECT \"audit\".lower('x')",
        "SELECT \"lower\"('x')",
        "SELECT \"touch\"('x')",
        "SELECT lower$1('x')",
        "SELECT lower_('x')",
        "SELECT lowerÄ('x')",
        "SELECT lower\u{a0}('x')",
        "SELECT U&\"lower\"('x')",
        // Keywords that may be names.
        "SELECT by(1)",
        "SELECT filter(1)",
        "SELECT over(1)",
        "SELECT a FROM t WHERE NOT join(1)",
        "SELECT 1 + like(1)",
        "SELECT operator(1)",
        "SELECT a FROM t TABLESAMPLE touch(1)",
    ]);
}

#[test]
fn the_time_of_the_transaction_needs_one() {
    assert_needs_transaction(&[
        "SELECT CURRENT_TIMESTAMP",
        "SELECT * FROM t WHERE at <= CURRENT_TIMESTAMP(3)",
        "SELECT current_date, localtime, localtimestamp, current_time",
        "SELECT age(at) FROM t",
        "SELECT clock_timestamp()",
    ]);
}

#[test]
fn a_text_that_may_be_read_in_two_ways_needs_a_transaction() {
    assert_needs_transaction(&[
        // A backslash before the quote ends the text or not, by a setting and by the letter in front of it.
        r"SELECT '\', touch(1), '",
        r"SELECT E'\', touch(1), '",
        "SELECT 'unfinished",
        "SELECT \"unfinished",
        "SELECT 1; DELETE FROM t",
        "SELECT 1;",
        "SELECT 1 -- a comment",
        "SELECT 1 /* a comment */",
        "SELECT tou/**/ch(1)",
        "SELECT $$touch$$",
        "SELECT $a$touch$a$",
        "SELECT $",
        "SELECT 1 \u{0} FROM t",
        "SELECT 1\u{200b}",
        "ſelect 1",
    ]);
}

#[test]
fn postgresql_knows_all_known_functions_and_calls_none_of_them_volatile() {
    let Some(server) = lback_test_servers::Postgres::shared() else { return };
    let names: Vec<String> = FUNCTIONS.iter().map(|name| format!("('{name}')")).collect();
    let wrong = format!(
        "SELECT string_agg(name, ', ') FROM (VALUES {}) AS known (name) WHERE 'v' = ANY (SELECT coalesce(provolatile, 'v')
             FROM (SELECT 1) AS one LEFT JOIN pg_proc ON proname = name AND pronamespace = 'pg_catalog'::regnamespace)",
        names.join(", ")
    );
    assert_eq!(server.sql("postgres", &wrong), "");
}
