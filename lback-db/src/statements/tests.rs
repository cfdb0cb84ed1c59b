use diesel::debug_query;
use diesel::sql_types::{Nullable, Text};

use super::values::shown;
use super::watch::{Kind, parts};

#[cfg(not(feature = "sqlite"))]
use diesel::pg::Pg as Backend;
#[cfg(feature = "sqlite")]
use diesel::sqlite::Sqlite as Backend;

#[test]
fn a_statement_is_split_whatever_its_values_are() {
    let values = ["plain", " -- binds: [", "a\"b, c", "\\", "grün €", ", binds: []", ""];
    for value in values {
        let query = diesel::sql_query("SELECT '€ -- binds: [1]'").bind::<Text, _>(value).bind::<Nullable<Text>, _>(None::<String>);
        let (sql, list) = parts(&debug_query::<Backend, _>(&query));
        assert_eq!(sql, "SELECT '€ -- binds: [1]'", "{value}");
        assert_eq!(shown(&sql, &list.unwrap()), format!("[{value:?}, NULL]"));
    }
    let query = diesel::sql_query("SELECT 1");
    assert_eq!(parts(&debug_query::<Backend, _>(&query)), ("SELECT 1".to_owned(), Some("[]".to_owned())));
}

#[test]
fn secrets_are_masked() {
    let long = format!("{:?}", "x".repeat(65));
    let list = format!("[1, -2.5, true, None, Some(7), 2026-11-29T12:00:00.5, \"short\", [115, 101], {long}, Id(3)]");
    assert_eq!(
        shown("SELECT * FROM posts", &list),
        "[1, -2.5, true, NULL, 7, 2026-11-29T12:00:00.5, \"short\", ‹2 values›, ‹65 characters›, Id(3)]"
    );
    assert_eq!(
        shown("SELECT \"users\".\"password\" FROM users", &list),
        "[1, -2.5, true, NULL, 7, 2026-11-29T12:00:00.5, ***, ‹2 values›, ***, ***]"
    );
    for sql in
        ["UPDATE sessions SET id = ?", "SELECT `api_key` FROM x", "DELETE FROM reset_tokens WHERE mail = $1", "SELECT pin FROM cards"]
    {
        assert_eq!(shown(sql, "[\"alice\"]"), "[***]", "{sql}");
    }
    assert_eq!(shown("SELECT 1", "[]"), "");
}

#[test]
fn transactions_are_no_queries() {
    for sql in ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK TO SAVEPOINT diesel_savepoint_1", "SAVEPOINT x", "RELEASE x", "SELECT 1; COMMIT"] {
        assert_eq!(Kind::of(sql, false), Kind::Transaction, "{sql}");
    }
    assert_eq!((Kind::of("SELECT 1", false), Kind::of("SELECT 1", true)), (Kind::Internal, Kind::Query));
    assert_eq!(Kind::of(" SELECT beginning FROM x", true), Kind::Query);
}
