//! `adddatabase`.

use std::fs;
use std::path::Path;

use chrono::{TimeZone, Utc};
use lback_core::Result;
use lback_models::migrate::{AddDatabase, Answers, Dialect, Schema, plan};

use super::project::{Project, notes, notes_with, projects};

/// Adds the other database, and returns what is printed.
fn add(project: &Project) -> Result<String> {
    let added = if project.dialect == Dialect::Sqlite { Dialect::Postgres } else { Dialect::Sqlite };
    let mut printed = String::new();
    let print = &mut |line: &str| {
        printed += line;
        printed.push('\n');
    };
    let now = Utc.with_ymd_and_hms(2026, 11, 28, 11, 0, 0).unwrap();
    AddDatabase { folder: &project.folder(), dialect: project.dialect, added, now, print }.run()?;
    Ok(printed)
}

/// Makes the folder of the only database the one for all.
fn without_own_folder(project: &Project) {
    let own = project.folder().join(project.dialect.name());
    for entry in fs::read_dir(&own).unwrap() {
        let path = entry.unwrap().path();
        fs::rename(&path, project.folder().join(path.file_name().unwrap())).unwrap();
    }
    fs::remove_dir(own).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_other_database_gets_the_tables_of_the_models() {
    // Each one gets what was made for the other.
    let mut made = projects();
    for project in &mut made {
        let old = notes(r#"{"name": "text", "kind": "text"}"#);
        let new = notes(r#"{"name": "text", "kind": "text", "max_length": 50}, {"name": "at", "kind": "timestamp", "null": true}"#);
        project.migrate(&Schema::default(), &old).unwrap();
        let plan = plan(&old, &new, &mut Answers::default()).unwrap();
        project.add(&old, &new, &plan);
        project.apply().unwrap();
        without_own_folder(project);
        fs::write(project.folder().join("models.json"), new.to_json()).unwrap();
        fs::write(project.folder().join(".gitkeep"), "").unwrap();
        let printed = add(project).unwrap();
        assert!(printed.contains(&format!("Moved the migrations to migrations/{}: 2.\n", project.dialect.name())), "{printed}");
        assert!(!printed.contains("by hand"), "{printed}");
        assert_eq!(names(&project.folder()), ["models.json", "postgres", "sqlite"]);
        // The database goes on.
        assert!(project.migrations().pending(&project.database).unwrap().is_empty());
        assert!(add(project).unwrap().contains("exists already"));
    }
    for (into, from) in [(0, 1), (1, 0)] {
        let Some(from) = made.get(from).map(Project::folder) else { return };
        let into = &made[into];
        let (own, other) = (into.folder().join(into.dialect.name()), from.join(into.dialect.name()));
        let initial = names(&other).remove(0);
        assert_eq!(initial, "2026-11-28-110000_initial");
        fs::rename(&own, into.path().join("old")).unwrap();
        into.run("DROP TABLE notes; DELETE FROM __diesel_schema_migrations");
        fs::create_dir(&own).unwrap();
        fs::rename(other.join(&initial), own.join(&initial)).unwrap();
        into.apply().unwrap();
        let schema = Schema::from_json(&fs::read_to_string(into.folder().join("models.json")).unwrap(), "models.json").unwrap();
        into.assert_is(&schema, "created for the other database");
        into.rollback().unwrap();
    }
}

#[test]
fn sql_that_was_written_by_hand_is_named() {
    for mut project in projects() {
        project.migrate(&Schema::default(), &notes(r#"{"name": "text", "kind": "text"}"#)).unwrap();
        let by_hand = [
            "CREATE TABLE legacy (n BIGINT);",
            "INSERT INTO notes (text) VALUES ('a');",
            "CREATE VIEW all_notes AS SELECT * FROM notes;",
            "CREATE UNIQUE INDEX notes_lower ON notes (lower(text));",
            "CREATE INDEX \"notes_text_n_idx\" ON \"notes\" (\"text\", \"id\");",
            "-- Two statements.\nALTER TABLE notes ADD COLUMN n BIGINT;\n\nUPDATE notes SET n = 0;",
        ];
        let names = by_hand.map(|sql| project.write(sql, "SELECT 1;"));
        project.write("CREATE TABLE \"gone\" (\n    \"id\" BIGINT\n);\nCREATE INDEX \"gone_id_idx\" ON \"gone\" (\"id\");\n", "SELECT 1;");
        // What was written for models is not listed.
        let text = r#"{"name": "text", "kind": "text"}"#;
        let index = |unique: bool| notes_with(text, &format!(r#"[{{"columns": ["text"], "unique": {unique}}}]"#), "[]");
        for (old, new) in [(notes(text), index(true)), (index(true), index(false))] {
            let plan = plan(&old, &new, &mut Answers::default()).unwrap();
            project.add(&old, &new, &plan);
        }
        project.write("DROP TABLE \"gone\";\n", "SELECT 1;");
        fs::write(project.folder().join("models.json"), index(false).to_json()).unwrap();
        let printed = add(&project).unwrap();
        let listed: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("  migrations/")).collect();
        let own = project.dialect.name();
        assert_eq!(listed, names.map(|name| format!("{own}/{name}/up.sql")), "{printed}");
    }
}

#[test]
fn a_project_without_migrations_gets_empty_folders() {
    for project in projects() {
        fs::create_dir(project.folder()).unwrap();
        fs::write(project.folder().join(".gitkeep"), "").unwrap();
        assert!(add(&project).unwrap().contains("which is empty, since no model has a migration."));
        for database in ["sqlite", "postgres"] {
            assert_eq!(names(&project.folder().join(database)), [".gitkeep"]);
        }
        assert!(project.migrations().pending(&project.database).unwrap().is_empty());
        let (folder, dialect, print) = (project.folder(), project.dialect, &mut |_: &str| {});
        let same = AddDatabase { folder: &folder, dialect, added: dialect, now: Utc::now(), print };
        assert!(same.run().unwrap_err().to_string().contains("already, as DATABASE_URL says"));
    }
}
