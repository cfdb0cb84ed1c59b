//! Rows that do not fit a change: the migration is refused before anything is changed, and names them.

use lback_models::migrate::{Answers, Schema, plan};

use super::project::{Project, notes, notes_with, projects, schema};

/// Returns the error of a migration, after which the database must be what it was.
#[track_caller]
fn refusal(project: &mut Project, old: &Schema, new: &Schema) -> String {
    let error = project.migrate(old, new).unwrap_err().to_string();
    project.assert_is(old, "unchanged");
    assert!(error.contains("Nothing was changed. Correct the rows, and migrate again"), "{error}");
    error
}

#[track_caller]
fn assert_has(error: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

fn started(project: &mut Project, schema: &Schema, rows: &str) {
    project.migrate(&Schema::default(), schema).unwrap();
    project.run(rows);
}

const TITLE: &str = r#"{"name": "title", "kind": "text", "null": true}"#;

#[test]
fn texts_that_are_too_long() {
    for mut project in projects() {
        let (old, new) = (notes(TITLE), notes(r#"{"name": "title", "kind": "text", "null": true, "max_length": 3}"#));
        started(&mut project, &old, "INSERT INTO notes (title) VALUES ('abcd'), ('é€a'), (NULL), ('four'), ('abc  ')");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["notes.title may have at most 3 characters. Rows that do not fit, by id: 1; 4; 5."]);
        project.run("UPDATE notes SET title = 'abc' WHERE length(title) > 3");
        project.apply().unwrap();
        project.assert_is(&new, "");
        assert_eq!(project.query("SELECT title FROM notes WHERE id = 2"), ["é€a"]);
        assert!(project.db_fails("INSERT INTO notes (title) VALUES ('abcd')"));
    }
}

#[test]
fn many_rows_are_not_all_named() {
    for mut project in projects() {
        let (old, new) = (notes(TITLE), notes(r#"{"name": "title", "kind": "text", "null": true, "max_length": 3}"#));
        let rows: Vec<String> = (0..20).map(|_| "('abcd')".to_owned()).collect();
        started(&mut project, &old, &format!("INSERT INTO notes (title) VALUES {}", rows.join(", ")));
        assert_has(&refusal(&mut project, &old, &new), &["1; 2; 3; 4; 5 and more."]);
    }
}

#[test]
fn missing_values() {
    for mut project in projects() {
        let (old, new) = (notes(TITLE), notes(r#"{"name": "title", "kind": "text"}"#));
        started(&mut project, &old, "INSERT INTO notes (title) VALUES ('a'), (NULL)");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["notes.title must have a value. Rows that do not fit, by id: 2."]);
    }
}

#[test]
fn missing_values_get_the_default_or_a_given_value() {
    for mut project in projects() {
        let (old, new) = (notes(TITLE), notes(r#"{"name": "title", "kind": "text", "default": "none"}"#));
        started(&mut project, &old, "INSERT INTO notes (title) VALUES ('a'), (NULL)");
        project.migrate(&old, &new).unwrap();
        assert_eq!(project.query("SELECT title FROM notes ORDER BY id"), ["a", "none"]);
        let with_summary = notes(r#"{"name": "title", "kind": "text", "default": "none"}, {"name": "summary", "kind": "text"}"#);
        let value = lback_models::migrate::DefaultValue::Text("it's".to_owned());
        let mut answers = Answers { values: vec![("notes".into(), "summary".into(), value)], ..Answers::default() };
        let plan = plan(&new, &with_summary, &mut answers).unwrap();
        project.add(&new, &with_summary, &plan);
        project.apply().unwrap();
        project.assert_is(&with_summary, "");
        assert_eq!(project.query("SELECT summary FROM notes ORDER BY id"), ["it's", "it's"]);
        assert!(project.db_fails("INSERT INTO notes (title) VALUES ('b')"), "the value was for the existing rows only");
    }
}

#[test]
fn duplicates() {
    for mut project in projects() {
        let unique = r#"[{"columns": ["title"], "unique": true}]"#;
        let (old, new) = (notes(TITLE), notes_with(TITLE, unique, "[]"));
        started(&mut project, &old, "INSERT INTO notes (title) VALUES ('a'), ('b'), ('a'), (NULL), (NULL), ('c'), ('b')");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["notes (title) must be unique, and several rows have the same values: a; b."]);
        project.run("DELETE FROM notes WHERE id IN (3, 7)");
        project.apply().unwrap();
        project.assert_is(&new, "");
    }
}

#[test]
fn duplicates_in_a_part_of_the_rows() {
    for mut project in projects() {
        let unique = r#"[{"columns": ["title"], "unique": true, "condition": "id > 2"}]"#;
        let (old, new) = (notes(TITLE), notes_with(TITLE, unique, "[]"));
        started(&mut project, &old, "INSERT INTO notes (title) VALUES ('a'), ('a'), ('b'), ('b')");
        assert_has(&refusal(&mut project, &old, &new), &["the same values: b."]);
    }
}

#[test]
fn a_new_unique_column_that_has_one_value_for_all_rows() {
    for mut project in projects() {
        let old = notes("");
        let new = notes_with(r#"{"name": "code", "kind": "integer", "default": 0}"#, r#"[{"columns": ["code"], "unique": true}]"#, "[]");
        started(&mut project, &old, "INSERT INTO notes (id) VALUES (1), (2)");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["notes (code) must be unique", "Add the field as an Option", "Number of rows: 2."]);
    }
}

#[test]
fn values_outside_of_the_choices() {
    for mut project in projects() {
        let (old, new) = (notes(TITLE), notes(r#"{"name": "title", "kind": "text", "null": true, "choices": ["draft", "it's"]}"#));
        started(&mut project, &old, "INSERT INTO notes (title) VALUES ('draft'), ('it''s'), ('Draft'), (NULL)");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["notes.title must be one of draft, it's. Rows that do not fit, by id: 3."]);
        project.run("UPDATE notes SET title = 'draft' WHERE id = 3");
        project.apply().unwrap();
        assert!(project.db_fails("INSERT INTO notes (title) VALUES ('other')"));
    }
}

#[test]
fn rows_that_a_check_forbids() {
    for mut project in projects() {
        let (old, new) = (notes(TITLE), notes_with(TITLE, "[]", r#"[{"name": "not_empty", "condition": "title <> ''"}]"#));
        started(&mut project, &old, "INSERT INTO notes (title) VALUES ('a'), (''), (NULL)");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["the check not_empty of notes requires title <> ''. Rows that do not fit, by id: 2."]);
    }
}

#[test]
fn references_to_rows_that_do_not_exist() {
    for mut project in projects() {
        let table = |column: &str| {
            schema(&format!(
                r#"{{"notes": {{"columns": [{{"name": "id", "kind": "bigint", "numbered": true}}, {column}], "primary_key": ["id"]}},
                     "users": {{"columns": [{{"name": "id", "kind": "bigint", "numbered": true}}], "primary_key": ["id"]}}}}"#
            ))
        };
        let old = table(r#"{"name": "user_id", "kind": "bigint", "null": true}"#);
        let references = r#"{"table": "users", "column": "id", "on_delete": "cascade"}"#;
        let new = table(&format!(r#"{{"name": "user_id", "kind": "bigint", "null": true, "references": {references}}}"#));
        started(&mut project, &old, "INSERT INTO users (id) VALUES (1); INSERT INTO notes (user_id) VALUES (1), (7), (NULL)");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["notes.user_id must refer to a row of users. Rows that do not fit, by id: 2."]);
    }
}

#[test]
fn numbers_and_texts_that_cannot_be_converted() {
    for mut project in projects() {
        let (old, new) = (notes(r#"{"name": "n", "kind": "bigint"}"#), notes(r#"{"name": "n", "kind": "smallint"}"#));
        started(&mut project, &old, "INSERT INTO notes (n) VALUES (32767), (32768), (-32769)");
        let error = refusal(&mut project, &old, &new);
        assert_has(&error, &["notes.n gets the type smallint. Rows that do not fit, by id: 2; 3."]);
    }
}

#[test]
fn texts_that_are_no_numbers() {
    for mut project in projects() {
        let (old, new) = (notes(r#"{"name": "n", "kind": "text"}"#), notes(r#"{"name": "n", "kind": "integer"}"#));
        started(&mut project, &old, "INSERT INTO notes (n) VALUES ('12'), ('x')");
        let error = project.migrate(&old, &new).unwrap_err().to_string();
        project.assert_is(&old, "unchanged");
        assert!(error.contains("by id: 2") || error.contains("\"x\""), "{error}");
        project.run("UPDATE notes SET n = '-7' WHERE id = 2");
        project.apply().unwrap();
        assert_eq!(project.query("SELECT n + 1 FROM notes ORDER BY id"), ["13", "-6"]);
    }
}

#[test]
fn a_type_that_values_cannot_be_converted_to_without_loss() {
    let (old, new) = (notes(r#"{"name": "at", "kind": "datetime"}"#), notes(r#"{"name": "at", "kind": "date"}"#));
    let error = plan(&old, &new, &mut Answers::default()).unwrap_err().to_string();
    assert_has(&error, &["notes.at changes from datetime to date", "without loss", "makemigrations --empty"]);
}

#[test]
fn columns_of_another_branch_are_not_dropped_with_an_old_table() {
    for mut project in projects().into_iter().take(1) {
        let (old, new) = (notes(TITLE), notes(r#"{"name": "title", "kind": "text", "null": true, "max_length": 3}"#));
        started(&mut project, &old, "ALTER TABLE notes ADD COLUMN of_another_branch TEXT");
        if project.dialect == lback_models::migrate::Dialect::Sqlite {
            let error = project.migrate(&old, &new).unwrap_err().to_string();
            assert_has(
                &error,
                &["notes has columns that this migration does not know", "run makemigrations again", ": of_another_branch."],
            );
        }
    }
}

impl Project {
    pub(super) fn db_fails(&self, sql: &str) -> bool {
        use diesel::connection::SimpleConnection;
        self.db().batch_execute(sql).is_err()
    }
}
