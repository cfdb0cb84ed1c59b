use super::statements;
use crate::Kind;

#[cfg(feature = "sqlite")]
const SQLITE: Kind = Kind::Sqlite;
#[cfg(feature = "postgres")]
const POSTGRES: Kind = Kind::Postgres;

#[track_caller]
fn assert_split(kind: Kind, sql: &str, expected: &[&str]) {
    let found: Vec<&str> = statements(sql, kind).iter().map(|statement| statement.text).collect();
    assert_eq!(found, expected, "{sql}");
}

/// The databases that this program was built with.
fn kinds() -> impl Iterator<Item = Kind> {
    [
        #[cfg(feature = "sqlite")]
        SQLITE,
        #[cfg(feature = "postgres")]
        POSTGRES,
    ]
    .into_iter()
}

#[test]
fn a_semicolon_ends_a_statement_and_the_last_needs_none() {
    for kind in kinds() {
        assert_split(kind, "SELECT 1; SELECT 2", &["SELECT 1", "SELECT 2"]);
        assert_split(kind, ";;\n ; SELECT 1 ;; \n", &["SELECT 1"]);
        assert_split(kind, "\u{feff}SELECT 1;\r\nSELECT 2;\r\n", &["SELECT 1", "SELECT 2"]);
        assert_split(kind, "SELECT 'é;' ; SELECT \"ü;\"", &["SELECT 'é;'", "SELECT \"ü;\""]);
    }
}

#[test]
fn comments_are_no_statements() {
    for kind in kinds() {
        for blank in ["", " \n\t", "-- to do", "-- to do;\r\n\n", "/* a;\nb */ -- c\n;\n", "/* not closed", "\u{feff}-- x"] {
            assert_split(kind, blank, &[]);
        }
        assert_split(kind, "-- one; 'two'\nSELECT 1 -- it's; three\n; /* ; */ SELECT 2 /* ' */", &["SELECT 1 -- it's; three", "SELECT 2"]);
        assert_split(kind, "- -", &["- -"]);
    }
}

#[test]
fn texts_and_names_in_quotes_hold_semicolons() {
    for kind in kinds() {
        let sql = "INSERT INTO \"a;\"\"b\" VALUES ('it''s; fine', '--', '/*'); SELECT ''';'''";
        assert_split(kind, sql, &["INSERT INTO \"a;\"\"b\" VALUES ('it''s; fine', '--', '/*')", "SELECT ''';'''"]);
        assert_split(kind, "SELECT 'not closed; SELECT 2", &["SELECT 'not closed; SELECT 2"]);
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_has_quotes_of_its_own() {
    assert_split(SQLITE, "SELECT [a;b], `c;``d`; SELECT $x$", &["SELECT [a;b], `c;``d`", "SELECT $x$"]);
    // A backslash means nothing, and comments are not nested.
    assert_split(SQLITE, "SELECT e'\\'; SELECT 2", &["SELECT e'\\'", "SELECT 2"]);
    assert_split(SQLITE, "/* /* */ SELECT 1; SELECT 2 */", &["SELECT 1", "SELECT 2 */"]);
}

#[cfg(feature = "sqlite")]
#[test]
fn the_body_of_a_trigger_belongs_to_it() {
    let trigger = "CREATE TRIGGER t AFTER UPDATE ON a BEGIN
        UPDATE a SET n = CASE WHEN n > 1 THEN 2 ELSE 3 END;
        UPDATE a SET m = CASE n WHEN 1 THEN 2 END WHERE x IN (SELECT 'END;');
        -- ; END;
        END";
    assert_split(SQLITE, &format!("SELECT 1; {trigger}; SELECT 2;"), &["SELECT 1", trigger, "SELECT 2"]);
    for begin in ["create temp trigger", "CREATE /* x */ TEMPORARY TRIGGER IF NOT EXISTS", "EXPLAIN CREATE TRIGGER"] {
        let trigger = format!("{begin} t DELETE ON a BEGIN SELECT 1; SELECT 2; END");
        assert_split(SQLITE, &format!("{trigger};\nSELECT 3"), &[&trigger, "SELECT 3"]);
    }
    // A table may be called so.
    assert_split(SQLITE, "CREATE TABLE trigger_log (n); SELECT 1", &["CREATE TABLE trigger_log (n)", "SELECT 1"]);
    assert_split(SQLITE, "CREATE INDEX trigger ON a (n); SELECT 1", &["CREATE INDEX trigger ON a (n)", "SELECT 1"]);
}

#[cfg(feature = "postgres")]
#[test]
fn dollars_quote_the_body_of_a_function() {
    let function = "CREATE FUNCTION f() RETURNS trigger AS $body$ BEGIN x := $$;$$; RETURN NEW; END; $body$ LANGUAGE plpgsql";
    assert_split(POSTGRES, &format!("{function}; SELECT 1"), &[function, "SELECT 1"]);
    assert_split(POSTGRES, "DO $$ BEGIN PERFORM 1; END $$; SELECT 2", &["DO $$ BEGIN PERFORM 1; END $$", "SELECT 2"]);
    // A parameter, and names with a dollar in them, begin no text.
    assert_split(POSTGRES, "SELECT $1; SELECT $2", &["SELECT $1", "SELECT $2"]);
    assert_split(POSTGRES, "SELECT a$b$; SELECT 2; SELECT c$b$", &["SELECT a$b$", "SELECT 2", "SELECT c$b$"]);
    assert_split(POSTGRES, "SELECT $é$;$é$; SELECT 2", &["SELECT $é$;$é$", "SELECT 2"]);
}

#[cfg(feature = "postgres")]
#[test]
fn postgresql_nests_comments_and_escapes_quotes() {
    assert_split(POSTGRES, "/* a /* b; */ c; */ SELECT 1; SELECT 2", &["SELECT 1", "SELECT 2"]);
    assert_split(POSTGRES, r"SELECT E'it\'s; \\'; SELECT e''';'", &[r"SELECT E'it\'s; \\'", "SELECT e''';'"]);
    // Elsewhere a backslash is a character, and the letter before a text may end a name.
    assert_split(POSTGRES, r"SELECT '\'; SELECT 2", &[r"SELECT '\'", "SELECT 2"]);
    assert_split(POSTGRES, r"SELECT date'\'; SELECT 2", &[r"SELECT date'\'", "SELECT 2"]);
    assert_split(POSTGRES, "SELECT a[1]; SELECT '{}'::int[]", &["SELECT a[1]", "SELECT '{}'::int[]"]);
}

#[cfg(feature = "postgres")]
#[test]
fn bodies_of_functions_and_rules_belong_to_them() {
    let function = "CREATE OR REPLACE FUNCTION f(n int) RETURNS int BEGIN ATOMIC
        SELECT CASE WHEN n > 1 THEN 2 END; SELECT 3; END";
    assert_split(POSTGRES, &format!("{function}; SELECT 1"), &[function, "SELECT 1"]);
    let procedure = "create procedure p() BEGIN ATOMIC INSERT INTO a VALUES (1); END";
    assert_split(POSTGRES, &format!("{procedure}; SELECT 1"), &[procedure, "SELECT 1"]);
    let rule = "CREATE RULE r AS ON INSERT TO a DO ALSO (INSERT INTO b VALUES (1); INSERT INTO c VALUES (2))";
    assert_split(POSTGRES, &format!("{rule}; SELECT 1"), &[rule, "SELECT 1"]);
    let trigger = "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()";
    assert_split(POSTGRES, &format!("{trigger}; SELECT 1"), &[trigger, "SELECT 1"]);
}

#[test]
fn what_begins_or_ends_a_transaction_is_known() {
    for kind in kinds() {
        let controls = |sql: &str| statements(sql, kind).iter().any(|statement| statement.controls_transaction());
        for sql in ["begin", "-- x\nBEGIN IMMEDIATE;", "SELECT 1; COMMIT", "END;", "ROLLBACK", "START TRANSACTION", "rollback work"] {
            assert!(controls(sql), "{sql}");
        }
        for sql in ["SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT a", "RELEASE a", "SELECT 'COMMIT;'", "\"begin\""] {
            assert!(!controls(sql), "{sql}");
        }
    }
}

#[test]
fn a_statement_knows_its_line() {
    for kind in kinds() {
        let lines: Vec<usize> = statements("\n-- a\nSELECT 1;\n\n/*\n*/ SELECT\n2; SELECT 3", kind).iter().map(|one| one.line).collect();
        assert_eq!(lines, [3, 6, 7]);
    }
}

#[test]
fn nothing_is_lost_between_statements() {
    // Whatever a text is, splitting ends, and the parts are parts of it in their order.
    for kind in kinds() {
        for text in ["$", "$a", "'", "\"", "/*", "--", "é$é", "e'\\", "[", "`", "CREATE TRIGGER", "((;", "$$ $", "\u{feff};é;"] {
            let mut from = 0;
            for statement in statements(text, kind) {
                from += text[from..].find(statement.text).unwrap() + statement.text.len();
            }
        }
    }
}
