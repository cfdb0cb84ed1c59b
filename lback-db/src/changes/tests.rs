use super::{Changes, Effect, Verbs};

fn effect(sql: &str) -> Effect {
    Effect::of(sql, false)
}

/// Returns the changed tables, `*` for anything.
fn tables(sql: &str) -> String {
    let effect = effect(sql);
    if effect.everything {
        return "*".to_owned();
    }
    let verbs = |verbs: Verbs| {
        let letters = [(verbs.inserts, "i"), (verbs.updates, "u"), (verbs.deletes, "d")];
        letters.iter().filter(|(has, _)| *has).map(|(_, letter)| *letter).collect::<String>()
    };
    effect.tables.iter().map(|(table, of)| format!("{table}:{}", verbs(*of))).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_changed_tables_are_found() {
    for (sql, expected) in [
        ("INSERT INTO \"posts\" (\"id\") VALUES ($1)", "posts:i"),
        ("INSERT INTO `posts` (`id`) VALUES (?), (?)", "posts:i"),
        ("insert into posts default values", "posts:i"),
        ("INSERT INTO [Posts] SELECT * FROM drafts", "posts:i"),
        ("INSERT OR REPLACE INTO posts VALUES (1)", "posts:iud"),
        ("INSERT OR IGNORE INTO posts VALUES (1)", "posts:i"),
        ("REPLACE INTO posts VALUES (1)", "posts:iud"),
        ("INSERT INTO \"audit\".\"posts\" VALUES (1)", "posts:i"),
        ("INSERT INTO posts AS p (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET n = excluded.n", "posts:i posts:u"),
        ("INSERT INTO posts (id) VALUES (1) ON CONFLICT DO NOTHING RETURNING id", "posts:i"),
        ("UPDATE \"posts\" SET \"title\" = 'delete from users'", "posts:u"),
        ("UPDATE ONLY public.posts SET n = 1", "posts:u"),
        ("UPDATE OR IGNORE posts SET n = 1", "posts:u"),
        ("UPDATE posts SET n = replace(n, 'a', 'b')", "posts:u"),
        ("DELETE FROM posts WHERE id IN (SELECT id FROM old)", "posts:d"),
        ("DELETE FROM posts; UPDATE users SET n = 1;", "posts:d users:u"),
        ("WITH gone AS (DELETE FROM posts RETURNING *) INSERT INTO archive SELECT * FROM gone", "posts:d archive:i"),
        ("WITH x AS (SELECT 1) UPDATE posts SET n = 1", "posts:u"),
        ("MERGE INTO posts USING n ON true WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN DO NOTHING", "posts:iud"),
        ("-- a comment\nDELETE FROM /* not users */ posts", "posts:d"),
        ("-- a comment\r\nDELETE FROM posts -- another", "posts:d"),
        ("UPDATE \"a\"\"b\" SET n = 1", "a\"b:u"),
        ("DELETE FROM Straße", "straße:d"),
    ] {
        assert_eq!(tables(sql), expected, "{sql}");
    }
}

#[test]
fn what_only_reads_changes_nothing() {
    for sql in [
        "SELECT * FROM posts",
        "(SELECT 1) UNION (SELECT 2)",
        "SELECT \"posts\".\"update\", posts.delete FROM posts",
        "SELECT * FROM posts FOR UPDATE",
        "SELECT * FROM posts FOR NO KEY UPDATE",
        "SELECT 'insert into posts', replace(a, 'b', 'c') FROM posts",
        "VALUES (1)",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "EXPLAIN QUERY PLAN DELETE FROM posts",
        "PRAGMA data_version",
        "SAVEPOINT a",
        "SET statement_timeout = 0; SELECT 1",
        "",
    ] {
        assert_eq!(tables(sql), "", "{sql}");
    }
}

#[test]
fn what_cannot_be_told_may_change_everything() {
    for sql in [
        "CREATE TABLE posts (id)",
        "DROP TABLE posts",
        "TRUNCATE posts",
        "WITH x AS (SELECT 1) SELECT * INTO posts FROM x",
        "COPY posts FROM STDIN",
        "CALL publish()",
        "DO $$ BEGIN DELETE FROM posts; END $$",
        "SELECT E'\\'; DELETE FROM posts; --'",
        "SELECT 'a\\' FROM posts",
        "UPDATE posts SET n = 'never closed",
        "EXPLAIN ANALYZE DELETE FROM posts",
        "/* nested /* */ DELETE FROM posts; */ SELECT 1",
        "SELECT 1 -- a comment\r; DELETE FROM posts",
        "UPDATE (posts) SET n = 1",
        ")",
    ] {
        assert_eq!(tables(sql), "*", "{sql}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn unknown_functions_are_found() {
    let calls = |sql: &str| Effect::of(sql, true).calls;
    assert_eq!(calls("SELECT count(*), lower(a) FROM posts WHERE id IN (1)"), Vec::<String>::new());
    assert_eq!(calls("SELECT publish(1), audit.\"Note\"(2)"), ["publish", "note"]);
}

#[test]
fn single_rows_are_recorded_up_to_a_limit() {
    let rows =
        |changes: &Changes| changes.tables().map(|(_, table)| table.rows.as_ref().map(std::collections::BTreeSet::len)).collect::<Vec<_>>();
    let mut changes = Changes::default();
    changes.add(&effect("UPDATE posts SET n = 1 WHERE id = 5"), Some(&("posts".to_owned(), "5".to_owned())));
    changes.add(&effect("INSERT INTO posts VALUES (6)"), None);
    assert_eq!(rows(&changes), [Some(1)]);
    for key in 0..=super::MOST_ROWS {
        changes.add(&effect("UPDATE posts SET n = 1 WHERE id = 5"), Some(&("posts".to_owned(), key.to_string())));
    }
    assert_eq!(rows(&changes), [None]);
    let mut changes = Changes::default();
    changes.add(&effect("UPDATE posts SET n = 1"), Some(&("users".to_owned(), "5".to_owned())));
    assert_eq!(rows(&changes), [None]);
}
