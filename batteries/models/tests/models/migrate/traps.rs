//! What has gone wrong before, in this project or in others.

use std::fs;

use lback_models::migrate::{Answers, Dialect, Options, Schema, index_name, plan, plan_back, render};

use super::project::{Project, notes, notes_with, projects, schema};

const CIRCLE: &str = r#"{
    "chapters": {"columns": [
        {"name": "id", "kind": "bigint", "numbered": true},
        {"name": "volume_id", "kind": "bigint", "references": {"table": "volumes", "column": "id", "on_delete": "restrict"}},
        {"name": "a_name_that_is_so_long_that_postgresql_would_cut_it_off", "kind": "text", "choices": ["a"]},
        {"name": "a_name_that_is_so_long_that_postgresql_would_cut_it_off_too", "kind": "text", "choices": ["b"]}],
        "primary_key": ["id"],
        "indexes": [
            {"columns": ["a_name_that_is_so_long_that_postgresql_would_cut_it_off"], "unique": true},
            {"columns": ["a_name_that_is_so_long_that_postgresql_would_cut_it_off_too"], "unique": true}]},
    "volumes": {"columns": [
        {"name": "id", "kind": "bigint", "numbered": true},
        {"name": "first_id", "kind": "bigint", "null": true, "references": {"table": "chapters", "column": "id", "on_delete": "set null"}},
        {"name": "before_id", "kind": "bigint", "null": true, "references": {"table": "volumes", "column": "id", "on_delete": "cascade"}}],
        "primary_key": ["id"]},
    "countries": {"columns": [{"name": "code", "kind": "text", "max_length": 2}], "primary_key": ["code"]},
    "cities": {"columns": [
        {"name": "name", "kind": "text"}, {"name": "number", "kind": "integer"},
        {"name": "country", "kind": "text", "max_length": 2, "references": {"table": "countries", "column": "code", "on_delete": "cascade"}}],
        "primary_key": ["name", "number"]}
}"#;

#[test]
fn circles_long_names_and_keys_of_any_kind() {
    for mut project in projects() {
        let schema = schema(CIRCLE);
        project.migrate(&Schema::default(), &schema).unwrap();
        project.assert_is(&schema, "");
        project.run(
            "INSERT INTO volumes (id) VALUES (1);
             INSERT INTO chapters (volume_id, a_name_that_is_so_long_that_postgresql_would_cut_it_off,
                a_name_that_is_so_long_that_postgresql_would_cut_it_off_too) VALUES (1, 'a', 'b');
             INSERT INTO countries VALUES ('pt'); INSERT INTO cities VALUES ('Porto', 1, 'pt')",
        );
        project.rollback().unwrap();
        let tables = schema.tables.keys().map(String::as_str);
        let found = lback_models::migrate::introspect(&mut project.db(), tables, &schema).unwrap();
        assert_eq!(found, Schema::default(), "tables in a circle are dropped as well");
    }
}

#[test]
fn a_long_table_is_renamed_with_its_key_and_indexes() {
    let long = "a_table_with_a_name_that_is_nearly_as_long_as_a_name_may_be";
    let json = |table: &str| {
        schema(&format!(
            r#"{{"{table}": {{"columns": [{{"name": "id", "kind": "bigint", "numbered": true}}, {{"name": "t", "kind": "text", "choices": ["x"]}},
                {{"name": "parent_id", "kind": "bigint", "null": true, "references": {{"table": "{table}", "column": "id", "on_delete": "cascade"}}}}],
                "primary_key": ["id"], "indexes": [{{"columns": ["t"]}}, {{"columns": ["t"], "condition": "t <> ''"}}],
                "checks": [{{"name": "c", "condition": "t <> 'y'"}}]}}}}"#
        ))
    };
    for mut project in projects() {
        let (old, new) = (json("short"), json(long));
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO short (id, t) VALUES (1, 'x'); INSERT INTO short (id, t, parent_id) VALUES (2, 'x', 1)");
        let mut answers = Answers { tables: vec![("short".into(), long.into())], ..Answers::default() };
        let plan = plan(&old, &new, &mut answers).unwrap();
        let sql = project.add(&old, &new, &plan);
        assert!(!sql.contains("lback: rebuild"), "ALTER TABLE can do it:\n{sql}");
        project.apply().unwrap();
        project.assert_is(&new, &sql);
        project.run(&format!("DELETE FROM {long} WHERE id = 2"));
        project.rollback().unwrap();
        project.assert_is(&old, &sql);
    }
}

#[test]
fn sqlite_rebuilds_only_what_it_cannot_alter() {
    let text = r#"{"name": "title", "kind": "text"}"#;
    let reference = r#"{"name": "parent_id", "kind": "bigint", "null": true, "references": {"table": "notes", "column": "id", "on_delete": "cascade"}}"#;
    let sql = |old: &Schema, new: &Schema, answers: &mut Answers| {
        render(&plan(old, new, answers).unwrap(), Dialect::Sqlite, Options::default()).main
    };
    let rebuilds = |old: &Schema, new: &Schema| sql(old, new, &mut Answers::default()).contains("-- lback: rebuild notes\n");
    let limited = r#"{"name": "title", "kind": "text", "max_length": 9}"#;
    let added = format!(r#"{limited}, {reference}, {{"name": "n", "kind": "integer", "default": 1}}"#);
    assert!(!rebuilds(&notes(limited), &notes(&added)), "columns are added");
    assert!(!rebuilds(&notes(&added), &notes("")), "columns are dropped");
    assert!(
        !rebuilds(&notes(text), &notes_with(text, r#"[{"columns": ["title"], "unique": true}]"#, "[]")),
        "an index is not part of its table"
    );
    assert!(rebuilds(&notes(text), &notes(limited)));
    assert!(rebuilds(&notes(text), &notes(r#"{"name": "title", "kind": "text", "null": true}"#)));
    let mut renamed = Answers { columns: vec![("notes".into(), "title".into(), "name".into())], ..Answers::default() };
    let renamed = sql(&notes(limited), &notes(&limited.replace("title", "name")), &mut renamed);
    assert_eq!(renamed, "ALTER TABLE \"notes\" RENAME COLUMN \"title\" TO \"name\";\n");
}

#[test]
fn a_change_that_only_one_database_needs_is_still_a_migration() {
    for mut project in projects() {
        let (old, new) = (notes(r#"{"name": "at", "kind": "datetime"}"#), notes(r#"{"name": "at", "kind": "timestamp"}"#));
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO notes (at) VALUES ('2026-06-01 12:00:00')");
        project.migrate(&old, &new).unwrap();
        project.assert_is(&new, "");
        if project.dialect == Dialect::Postgres {
            assert_eq!(project.query("SELECT at AT TIME ZONE 'UTC' FROM notes"), ["2026-06-01 12:00:00"], "times were in UTC");
        }
        project.rollback().unwrap();
        project.assert_is(&old, "");
    }
}

#[test]
fn what_was_made_by_hand_and_does_not_fit_is_named() {
    for mut project in projects().into_iter().filter(|project| project.dialect == Dialect::Sqlite) {
        let both = r#"{"name": "a", "kind": "text"}, {"name": "b", "kind": "text"}"#;
        let (old, new) = (notes(both), notes(r#"{"name": "b", "kind": "text", "max_length": 5}"#));
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO notes (a, b) VALUES ('1', '2'); CREATE INDEX by_hand ON notes (a);");
        let error = project.migrate(&old, &new).unwrap_err().to_string();
        assert!(error.contains("the index by_hand does not fit the new table notes. Drop it at the top of up.sql"), "{error}");
        project.run("DROP INDEX by_hand; CREATE VIEW seen AS SELECT a FROM notes");
        let error = project.apply().unwrap_err().to_string();
        assert!(error.contains("a view or trigger does not fit the new table notes") && error.contains("seen"), "{error}");
        project.assert_is(&old, "unchanged");
        assert_eq!(project.query("SELECT a FROM seen"), ["1"]);
        project.run("DROP VIEW seen");
        project.apply().unwrap();
        project.assert_is(&new, "");
    }
}

#[test]
fn a_column_that_comes_back_and_cannot_be_filled_refuses_the_way_back() {
    for mut project in projects() {
        let reference =
            r#"{"name": "parent_id", "kind": "bigint", "references": {"table": "notes", "column": "id", "on_delete": "cascade"}}"#;
        let (old, new) = (notes(reference), notes(""));
        project.migrate(&Schema::default(), &old).unwrap();
        project.migrate(&old, &new).unwrap();
        project.rollback().unwrap();
        project.assert_is(&old, "without rows");
        project.apply().unwrap();
        project.run("INSERT INTO notes (id) VALUES (4)");
        let error = project.rollback().unwrap_err().to_string();
        assert!(error.contains("notes.parent_id must have a value") && error.contains("by id: 4"), "{error}");
        project.assert_is(&new, "unchanged");
    }
}

#[test]
fn a_renamed_key_is_renamed_in_the_references_to_it() {
    let json = |key: &str| {
        schema(&format!(
            r#"{{"users": {{"columns": [{{"name": "{key}", "kind": "text"}}], "primary_key": ["{key}"]}},
                "notes": {{"columns": [{{"name": "id", "kind": "bigint", "numbered": true}},
                    {{"name": "user", "kind": "text", "references": {{"table": "users", "column": "{key}", "on_delete": "cascade"}}}}],
                    "primary_key": ["id"]}}}}"#
        ))
    };
    for mut project in projects() {
        let (old, new) = (json("name"), json("login"));
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO users VALUES ('ann'); INSERT INTO notes (\"user\") VALUES ('ann')");
        let mut answers = Answers { columns: vec![("users".into(), "name".into(), "login".into())], ..Answers::default() };
        let plan = plan(&old, &new, &mut answers).unwrap();
        assert_eq!(plan.name(), "rename_name_to_login_in_users");
        let sql = project.add(&old, &new, &plan);
        project.apply().unwrap();
        project.assert_is(&new, &sql);
        project.rollback().unwrap();
        project.assert_is(&old, &sql);
    }
}

#[test]
fn a_primary_key_can_change() {
    let json = |key: &str| {
        schema(&format!(
            r#"{{"pairs": {{"columns": [{{"name": "a", "kind": "bigint"}}, {{"name": "b", "kind": "bigint"}}], "primary_key": {key}}}}}"#
        ))
    };
    for mut project in projects() {
        let (old, new) = (json(r#"["a"]"#), json(r#"["a", "b"]"#));
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO pairs VALUES (1, 2)");
        project.migrate(&old, &new).unwrap();
        project.assert_is(&new, "");
        project.run("INSERT INTO pairs VALUES (1, 3)");
        assert!(project.rollback().is_err(), "two rows have the same a");
        project.run("DELETE FROM pairs WHERE b = 3");
        project.rollback().unwrap();
        project.assert_is(&old, "");
    }
}

#[test]
fn large_tables_of_postgresql_stay_writable() {
    for mut project in projects().into_iter().filter(|project| project.dialect == Dialect::Postgres) {
        let title = r#"{"name": "title", "kind": "text"}"#;
        let old = notes(title);
        let new = notes_with(
            r#"{"name": "title", "kind": "text", "choices": ["a", "b"]}"#,
            r#"[{"columns": ["title"]}]"#,
            r#"[{"name": "positive", "condition": "id > 0"}]"#,
        );
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO notes (title) VALUES ('a')");
        let forth = plan(&old, &new, &mut Answers::default()).unwrap();
        let back = plan_back(&old, &new, &forth).unwrap();
        let up = render(&forth, Dialect::Postgres, Options { concurrently: true, back: false });
        let down = render(&back, Dialect::Postgres, Options { concurrently: true, back: true });
        assert_eq!(up.main.matches("NOT VALID").count(), 2, "{}", up.main);
        project.write(&up.main, &down.main);
        let name = project.write(&up.after.unwrap(), &down.after.unwrap());
        write_metadata(&project, &name);
        // What a failed attempt leaves behind is no obstacle.
        let index = index_name("notes", new.tables["notes"].indexes.first().unwrap());
        project.run(&format!("CREATE INDEX {index} ON notes (id)"));
        project.apply().unwrap();
        project.assert_is(&new, "valid");
        project.rollback().unwrap();
        project.rollback().unwrap();
        project.assert_is(&old, "back");
    }
}

fn write_metadata(project: &Project, name: &str) {
    let file = project.folder().join(project.dialect.name()).join(name).join("metadata.toml");
    fs::write(file, "run_in_transaction = false\n").unwrap();
}

#[test]
fn names_say_what_a_migration_does() {
    let text = r#"{"name": "text", "kind": "text"}"#;
    let two = r#"{"name": "text", "kind": "text"}, {"name": "summary", "kind": "text", "null": true}"#;
    let renamed = Answers { columns: vec![("notes".into(), "text".into(), "body".into())], ..Answers::default() };
    let empty = Schema::default();
    for (old, new, answers, name) in [
        (&empty, &notes(text), Answers::default(), "create_notes"),
        (&notes(text), &empty, Answers::default(), "delete_notes"),
        (&notes(text), &notes(two), Answers::default(), "add_summary_to_notes"),
        (&notes(two), &notes(text), Answers::default(), "remove_summary_from_notes"),
        (&notes(text), &notes(r#"{"name": "body", "kind": "text"}"#), renamed, "rename_text_to_body_in_notes"),
        (&notes(text), &notes(r#"{"name": "text", "kind": "text", "null": true}"#), Answers::default(), "change_text_in_notes"),
        (&notes(text), &notes_with(text, r#"[{"columns": ["text"]}]"#, "[]"), Answers::default(), "change_indexes_of_notes"),
        (&notes(text), &notes_with(text, "[]", r#"[{"name": "c", "condition": "id > 0"}]"#), Answers::default(), "change_notes"),
    ] {
        assert_eq!(plan(old, new, &mut { answers }).unwrap().name(), name);
    }
}

#[test]
fn two_migrators_at_once() {
    for mut project in projects() {
        let (old, new) = (notes(r#"{"name": "text", "kind": "text"}"#), notes(r#"{"name": "text", "kind": "text", "max_length": 9}"#));
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO notes (text) VALUES ('a')");
        let plan = plan(&old, &new, &mut Answers::default()).unwrap();
        project.add(&old, &new, &plan);
        let project = &project;
        let applied: Vec<String> = std::thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| project.migrations().apply(&project.database).unwrap()));
            both.into_iter().flat_map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(applied.len(), 1, "by one of them");
        project.assert_is(&new, "");
        assert_eq!(project.query("SELECT text FROM notes"), ["a"]);
    }
}
