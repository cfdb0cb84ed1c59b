//! What `check` and `migrate` say of a database that is not what the program expects.

use std::fs;

use lback::diesel;
use lback::prelude::*;
use tempfile::TempDir;

use super::{output, process, project};

diesel::table! {
    drafts (id) {
        id -> BigInt,
        title -> Text,
        author -> Text,
    }
}

/// To the application that runs in the other process, if it is asked to have a table.
pub(super) fn add(app: App) -> App {
    match std::env::var_os("LBACK_TEST_TABLES") {
        Some(_) => app.tables(tables![drafts]),
        None => app,
    }
}

const NAME: &str = "2026-11-21-120000_create_drafts";

fn write(project: &TempDir, file: &str, text: &str) {
    let folder = project.path().join("migrations").join(NAME);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(file), text).unwrap();
}

/// What the command prints, warnings included.
fn run(project: &TempDir, command: &str) -> String {
    let mut process = process(project, command);
    process.env("LBACK_TEST_TABLES", "1");
    let output = output(process);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn check_compares_tables_with_the_database() {
    let project = project("");
    write(&project, "up.sql", "CREATE TABLE drafts (id INTEGER PRIMARY KEY, title INTEGER NOT NULL);");
    write(&project, "down.sql", "DROP TABLE drafts;");
    let pending = run(&project, "check");
    assert!(pending.contains("FAIL  migrations") && pending.contains("ok    tables"), "what is pending is said once:\n{pending}");
    run(&project, "migrate");
    let printed = run(&project, "check");
    assert!(printed.contains("FAIL  tables: drafts.title is Text in table!, and INTEGER in the database"), "{printed}");
    assert!(printed.contains("the column drafts.author does not exist") && printed.contains("lback makemigrations"), "{printed}");
    assert!(printed.contains("ended with: 1 of"), "{printed}");
    run(&project, "rollback");
    write(&project, "up.sql", "CREATE TABLE drafts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, author TEXT NOT NULL);");
    run(&project, "migrate");
    let fine = run(&project, "check");
    assert!(fine.contains("ok    tables") && fine.contains("ended well"), "{fine}");
}

#[test]
fn check_and_migrate_name_a_migration_that_was_edited_after_it_was_applied() {
    const SQL: &str = "CREATE TABLE drafts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, author TEXT NOT NULL);\n";
    let project = project("");
    write(&project, "up.sql", SQL);
    run(&project, "migrate");
    write(&project, "up.sql", &SQL.replace('\n', "  \r\n"));
    assert!(run(&project, "check").contains("ok    SQL of applied migrations"));
    write(&project, "up.sql", &SQL.replace("author TEXT", "author VARCHAR(20)"));
    let file = format!("migrations/{NAME}/up.sql");
    let checked = run(&project, "check");
    assert!(checked.contains("FAIL  SQL of applied migrations") && checked.contains(&file), "{checked}");
    let migrated = run(&project, "migrate");
    assert!(migrated.contains("nothing to apply") && migrated.contains("warning: ") && migrated.contains(&file), "{migrated}");
    assert!(run(&project, "showmigrations").contains(&format!("[X] {NAME} (edited since)")));
}

#[test]
fn a_folder_without_up_sql_stops_no_command() {
    let project = project("");
    write(&project, "down.sql", "DROP TABLE drafts;");
    for command in ["migrate", "showmigrations", "clearsessions", "rollback"] {
        let printed = run(&project, command);
        assert!(printed.contains("ended well"), "{command}: {printed}");
        assert_eq!(printed.matches(&format!("{NAME} is skipped")).count(), 1, "{command}: {printed}");
    }
}
