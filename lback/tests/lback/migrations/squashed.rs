//! One migration in the place of several.

use std::fs;
use std::path::PathBuf;

use lback::db::{Applied, Database, Migrations, Squashed};

use super::{A, B, C, Project, add_two, on_each_kind, states, tables, two};
#[cfg(feature = "sqlite")]
use super::{run, texts};

const SQUASHED: &str = "2026-01-02-000000s_start";

fn three(project: &Project) {
    add_two(project);
    project.add(C, "CREATE TABLE c (n BIGINT);", "DROP TABLE c;");
}

fn squash(migrations: &Migrations) -> Squashed {
    migrations.squash(None, "create_b", "start").unwrap().remove(0)
}

fn folder(project: &Project, name: &str) -> PathBuf {
    project.path().join("migrations").join(name)
}

fn remove(project: &Project, names: &[&str]) {
    names.iter().for_each(|name| fs::remove_dir_all(folder(project, name)).unwrap());
}

fn applied(migrations: &Migrations, database: &Database) -> Vec<(String, bool)> {
    states(migrations, database).into_iter().map(|(name, state)| (name, state == Applied::Yes)).collect()
}

#[test]
fn the_sql_of_all_is_in_one_folder() {
    let project = two();
    project.add(B, "CREATE TABLE b (n BIGINT) -- the last\n", "DROP TABLE b");
    let (_, migrations) = project.open();
    let squashed = squash(&migrations);
    assert_eq!(squashed.folder, folder(&project, SQUASHED));
    assert_eq!((squashed.replaces.as_slice(), squashed.without_down.len()), (&[A.to_owned(), B.to_owned()][..], 0));
    let read = |file: &str| fs::read_to_string(folder(&project, SQUASHED).join(file)).unwrap();
    assert_eq!(read("up.sql"), format!("-- {A}\nCREATE TABLE a (n BIGINT);\n\n-- {B}\nCREATE TABLE b (n BIGINT) -- the last\n;\n\n"));
    assert_eq!(read("down.sql"), format!("-- {B}\nDROP TABLE b\n;\n\n-- {A}\nDROP TABLE a;\n\n"));
    assert_eq!(read("metadata.toml"), format!("replaces = [\n    \"{A}\",\n    \"{B}\",\n]\n"));
}

#[test]
fn a_new_database_applies_it_alone() {
    on_each_kind(|project, database, migrations| {
        three(project);
        squash(&migrations);
        for gone in [&[][..], &[A, B]] {
            remove(project, gone);
            assert_eq!(migrations.apply(database).unwrap(), [SQUASHED, C]);
            assert_eq!(tables(database), ["a", "b", "c"]);
            assert_eq!(applied(&migrations, database), [(SQUASHED.to_owned(), true), (C.to_owned(), true)]);
            assert_eq!(migrations.rollback(database, 5).unwrap(), [C, SQUASHED]);
            assert!(tables(database).is_empty());
        }
    });
}

#[test]
fn a_database_that_has_all_of_them_records_it() {
    on_each_kind(|project, database, migrations| {
        three(project);
        migrations.apply(database).unwrap();
        squash(&migrations);
        remove(project, &[A]);
        assert_eq!(applied(&migrations, database), [(SQUASHED.to_owned(), true), (C.to_owned(), true)]);
        assert!(migrations.pending(database).unwrap().is_empty() && migrations.apply(database).unwrap().is_empty());
        remove(project, &[B]);
        assert_eq!(applied(&migrations, database), [(SQUASHED.to_owned(), true), (C.to_owned(), true)]);
        // It has a checksum, as others do.
        project.add_file(SQUASHED, "up.sql", "CREATE TABLE a (m BIGINT);");
        assert!(migrations.status(database).unwrap()[0].changed.is_some());
        // Rolled back, it is pending, and does not count as applied because of those that it replaces.
        assert_eq!(migrations.rollback(database, 2).unwrap(), [C, SQUASHED]);
        assert_eq!(migrations.pending(database).unwrap(), [SQUASHED, C]);
    });
}

#[test]
fn a_database_that_has_some_of_them_goes_on_with_the_old_ones() {
    on_each_kind(|project, database, migrations| {
        project.add(A, "CREATE TABLE a (n BIGINT);", "DROP TABLE a;");
        migrations.apply(database).unwrap();
        three(project);
        squash(&migrations);
        let old = folder(project, B);
        let hidden = project.path().join("b");
        fs::rename(&old, &hidden).unwrap();
        let error = migrations.apply(database).unwrap_err().to_string();
        for part in [format!("the migration {SQUASHED} replaces"), format!("it has {A}, and not {B}"), "the release before".to_owned()] {
            assert!(error.contains(&part), "{error}");
        }
        assert_eq!(migrations.pending(database).unwrap_err().to_string(), error);
        assert_eq!(tables(database), ["a"]);
        fs::rename(&hidden, &old).unwrap();
        assert_eq!(migrations.pending(database).unwrap(), [B, C]);
        assert_eq!(migrations.apply(database).unwrap(), [B, C]);
        assert_eq!(applied(&migrations, database), [(SQUASHED.to_owned(), true), (C.to_owned(), true)]);
        migrations.apply(database).unwrap();
        remove(project, &[A, B]);
        assert_eq!(applied(&migrations, database), [(SQUASHED.to_owned(), true), (C.to_owned(), true)]);
    });
}

#[test]
fn what_cannot_be_squashed_is_refused_and_nothing_is_written() {
    let cases: [(&str, &str, &str, Option<&str>, &str); 6] = [
        ("up.sql", "-- Write here.\n", C, None, "is not finished"),
        ("up.sql", "-- lback: draft\nCREATE TABLE c (n BIGINT);", C, None, "is not finished"),
        ("metadata.toml", "run_in_transaction = false", C, None, "runs without a transaction"),
        ("metadata.toml", "replaces = [\"2025-01-01-000000_x\"]", C, None, "is squashed itself"),
        ("down.sql", "", A, None, "there is nothing to squash"),
        ("down.sql", "", A, Some(B), "there is nothing to squash"),
    ];
    for (file, text, to, from, part) in cases {
        let project = Project::new();
        three(&project);
        project.add_file(C, file, text);
        let (_, migrations) = project.open();
        let error = migrations.squash(from, to, "start").unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert_eq!(fs::read_dir(project.path().join("migrations")).unwrap().count(), 3);
    }
    let project = two();
    let (_, migrations) = project.open();
    for (to, part) in [("create", "several"), ("create_x", "no migration")] {
        assert!(migrations.squash(None, to, "start").unwrap_err().to_string().contains(part));
    }
    squash(&migrations);
    assert!(migrations.squash(None, B, "start").unwrap_err().to_string().contains("exists already"));
    assert!(Migrations::new().squash(None, B, "start").unwrap_err().to_string().contains("no folder of migrations"));
}

#[test]
fn lists_that_were_written_by_hand_are_checked() {
    for (metadata, parts) in [
        (format!("replaces = [\"{B}\"]"), [B, "squashed itself"]),
        ("replaces = \"2026\"".to_owned(), ["metadata.toml:1:", "replaces"]),
        ("replaces = [1]".to_owned(), ["metadata.toml:1:", "replaces"]),
    ] {
        let project = two();
        project.add_file(B, "metadata.toml", &metadata);
        let (database, migrations) = project.open();
        let error = migrations.apply(&database).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(tables(&database).is_empty());
    }
    // A name that nothing has is that of a migration that is gone.
    let project = two();
    project.add_file(B, "metadata.toml", "replaces = [\"'; DROP TABLE a; --\"]");
    let (database, migrations) = project.open();
    assert_eq!(migrations.apply(&database).unwrap(), [A, B]);
}

#[test]
fn each_database_with_a_folder_gets_one() {
    let project = Project::new();
    for kind in ["sqlite", "postgres"] {
        project.add(&format!("{kind}/{A}"), "CREATE TABLE a (n BIGINT);", "DROP TABLE a;");
        project.add(&format!("{kind}/{B}"), "-- lback: run fill", "");
    }
    let (database, migrations) = project.open();
    let migrations = migrations.function("fill", |_| Ok(()));
    let squashed = migrations.squash(Some(A), B, "start").unwrap();
    let folders: Vec<PathBuf> = squashed.iter().map(|one| one.folder.clone()).collect();
    assert_eq!(folders, ["sqlite", "postgres"].map(|kind| folder(&project, kind).join(SQUASHED)));
    assert!(squashed.iter().all(|one| one.functions == ["fill"] && one.without_down == [B]));
    assert_eq!(migrations.apply(&database).unwrap(), [SQUASHED]);
    let error = migrations.rollback(&database, 1).unwrap_err().to_string();
    assert!(error.contains("cannot be undone"), "{error}");
    // If one folder cannot be written, none is.
    fs::write(folder(&project, "postgres").join(".2026-01-02-000000s_again"), "").unwrap();
    assert!(migrations.squash(None, B, "again").unwrap_err().to_string().contains("cannot be created"));
    assert!(!folder(&project, "sqlite").join("2026-01-02-000000s_again").exists());
}

#[cfg(feature = "sqlite")]
#[test]
fn indexes_of_a_rebuilt_table_can_be_dropped_later() {
    const REBUILD: &str = "-- lback: rebuild a\nCREATE TABLE new__a (n TEXT);\nINSERT INTO new__a SELECT n FROM a;\nDROP TABLE a;\n\
                           ALTER TABLE new__a RENAME TO a;\n";
    let project = Project::new();
    project.add(A, "CREATE TABLE a (n BIGINT); CREATE INDEX one ON a (n); CREATE INDEX two ON a (n);", "").add(B, REBUILD, "").add(
        C,
        "DROP INDEX one; ALTER TABLE a RENAME TO b;",
        "",
    );
    let (database, migrations) = project.open();
    migrations.squash(None, C, "start").unwrap();
    remove(&project, &[A, B, C]);
    migrations.apply(&database).unwrap();
    assert_eq!(texts(&database, "SELECT name AS text FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"), ["two"]);
    run(&database, "INSERT INTO b VALUES ('one')");
}
