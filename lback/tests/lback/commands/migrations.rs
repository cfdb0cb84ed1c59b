//! The commands around migrations.

use std::fs;

use lback::prelude::*;
use tempfile::TempDir;

use super::{project, run};

/// Adds the functions that migrations of the other process may run.
pub(super) fn add(app: App) -> App {
    app.data_migration("fill_notes", |db| {
        diesel::sql_query("INSERT INTO notes VALUES (1)").execute(db)?;
        Ok(())
    })
}

const NOTES: &str = "2026-11-21-120000_create_notes";
const TAGS: &str = "2026-11-22-120000_create_tags";

fn write(project: &TempDir, name: &str, up: &str, down: &str) {
    let folder = project.path().join("migrations").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("up.sql"), up).unwrap();
    fs::write(folder.join("down.sql"), down).unwrap();
}

/// A project with two migrations.
fn two() -> TempDir {
    let project = project("");
    write(&project, NOTES, "CREATE TABLE notes (n BIGINT);\n", "DROP TABLE notes;\n");
    write(&project, TAGS, "CREATE TABLE tags (n BIGINT);", "DROP TABLE tags;");
    project
}

#[track_caller]
fn assert_prints(project: &TempDir, command: &str, parts: &[&str]) -> String {
    let printed = run(project, command);
    assert!(parts.iter().all(|part| printed.contains(part)), "{command}: {parts:?} in {printed}");
    printed
}

#[test]
fn migrations_are_applied_listed_and_undone() {
    const OWN: &str = NOTES;
    let project = project("");
    write(&project, OWN, "CREATE TABLE notes (n BIGINT);", "DROP TABLE notes;");

    let applied = run(&project, "migrate");
    assert!(applied.contains("_create_sessions") && applied.contains(OWN) && applied.contains("ended well"), "{applied}");
    assert!(run(&project, "migrate").contains("nothing to apply"));
    assert!(run(&project, "showmigrations").contains(&format!("[X] {OWN}")));
    let undone = run(&project, "rollback 3");
    assert!(undone.contains(&format!("rolled back {OWN}")), "{undone}");
    // The framework's own stay: without them nobody could log in.
    assert!(!undone.contains("sessions"), "{undone}");
    let listed = run(&project, "showmigrations");
    assert!(listed.contains(&format!("[ ] {OWN}")) && listed.contains("[X]"), "{listed}");
    assert!(run(&project, "rollback").contains("nothing to roll back"));
}

#[test]
fn migrate_goes_to_a_target_and_tells_before_what_it_would_do() {
    let project = two();
    let planned = assert_prints(&project, "migrate create_notes --plan", &[&format!("would apply {NOTES}\n"), "ended well"]);
    assert!(!planned.contains(TAGS), "{planned}");
    assert_prints(&project, "migrate create_notes", &[&format!("applied {NOTES}\n"), "ended well"]);
    write(&project, "2026-11-20-120000_late", "CREATE TABLE late (n BIGINT);", "DROP TABLE late;");
    assert_prints(&project, "showmigrations", &["[ ] 2026-11-20-120000_late (older than applied migrations, and applied after them)"]);
    assert_prints(&project, "--plan migrate", &["ended with: "]);
    let planned = assert_prints(&project, "migrate --plan", &["would apply 2026-11-20-120000_late (older than applied migrations"]);
    assert!(planned.contains(&format!("would apply {TAGS}\n")), "{planned}");
    assert_prints(&project, "migrate --fake --plan", &[&format!("would record as applied {TAGS}\n")]);
    assert_prints(&project, "migrate --fake", &[&format!("recorded {TAGS} as applied, without running its SQL")]);
    assert_prints(&project, "migrate --plan", &["nothing to apply"]);
    assert_prints(&project, "migrate zero --plan", &[&format!("would roll back {TAGS}\n"), &format!("would roll back {NOTES}\n")]);
    assert_prints(&project, "migrate create_notes --fake", &[&format!("recorded {TAGS} as not applied")]);
    assert_prints(&project, "migrate 2026-11-21", &["nothing to do: the database is at 2026-11-21"]);
    let back = assert_prints(&project, "migrate 2026-11-20 --plan", &[&format!("would roll back {NOTES}\n")]);
    assert!(!back.contains("sessions"), "{back}");
    assert_prints(&project, "migrate creat_tags", &["ended with: there is no migration \"creat_tags\"; did you mean create_tags?"]);
    assert_prints(&project, "migrate --force", &["ended with: migrate has no option --force; its options are --plan and --fake"]);
}

#[test]
fn sqlmigrate_prints_the_sql() {
    let project = two();
    assert_prints(&project, "sqlmigrate create_notes", &["CREATE TABLE notes (n BIGINT);\n\nended well"]);
    assert_prints(&project, "sqlmigrate --down create_notes --sqlite", &["DROP TABLE notes;\n\nended well"]);
    assert_prints(&project, "sqlmigrate sessions/00000000000001", &["CREATE TABLE sessions", "ended well"]);
    for (command, part) in [
        ("sqlmigrate", "takes the name of one migration"),
        ("sqlmigrate a b", "takes the name of one migration"),
        ("sqlmigrate a --up", "has no option --up; its options are --down, --sqlite and --postgres"),
        ("sqlmigrate create", "is the beginning of several migrations"),
    ] {
        assert_prints(&project, command, &["ended with: ", part]);
    }
}

#[test]
fn squashmigrations_writes_one_migration() {
    let project = two();
    write(&project, TAGS, "-- lback: run fill_notes\n", "");
    let name = "migrations/2026-11-22-120000s_start/up.sql";
    let printed = assert_prints(&project, "squashmigrations create_tags --name start", &[name, "It runs fill_notes.", "ended well"]);
    assert!(printed.contains(&format!("in the place of {NOTES}, {TAGS}")) && printed.contains("cannot be rolled back"), "{printed}");
    assert_prints(&project, "migrate", &["applied 2026-11-22-120000s_start", "ended well"]);
    let listed = assert_prints(&project, "showmigrations", &["[X] 2026-11-22-120000s_start"]);
    assert!(!listed.contains(NOTES), "{listed}");
    for (command, part) in [
        ("squashmigrations", "takes the last migration to squash"),
        ("squashmigrations a b c", "takes the last migration to squash"),
        ("squashmigrations a --name ../up", "cannot be the name of a migration"),
        ("squashmigrations a --force", "has no option --force"),
        ("squashmigrations create_nothing", "there is no migration \"create_nothing\""),
    ] {
        assert_prints(&project, command, &["ended with: ", part]);
    }
}

#[test]
fn check_finds_what_a_migration_would_do_to_the_running_release() {
    let project = two();
    run(&project, "migrate");
    write(&project, "2026-11-23-120000_drop", "DROP TABLE tags;\n-- lback: run nothing", "");
    let risk = "it drops tags, which the running release may still use. Deploy a release that does not use it first";
    assert_prints(&project, "check --deploy", &["FAIL  effects of pending migrations on the running release", risk, "-- lback: reviewed"]);
    let checked = assert_prints(&project, "check", &["FAIL  migrations", "there is no function nothing"]);
    assert!(!checked.contains("running release"), "{checked}");
    write(&project, "2026-11-23-120000_drop", "-- lback: reviewed\nDROP TABLE tags;", "");
    let checked = assert_prints(&project, "check --deploy", &["ok    effects of pending migrations on the running release"]);
    assert!(!checked.contains("there is no function"), "{checked}");
}
