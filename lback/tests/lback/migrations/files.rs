//! What stands in the files of a migration, and how it got there.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use lback::db::{Applied, DRAFT, Database};
use lback::prelude::*;

use crate::logs;

use super::{A, B, C, Project, states, tables, texts, two};

/// A statement that succeeds, and one that fails.
const HALF: &str = "CREATE TABLE half (n BIGINT); INSERT INTO nowhere VALUES (1);";

fn rows(database: &Database) -> Vec<String> {
    texts(database, "SELECT text FROM texts")
}

#[test]
fn metadata_without_the_key_leaves_the_transaction() {
    for metadata in ["", "# run_in_transaction = false\n", "run_in_transaction = true", "\u{feff}# to do\r\n", "  \r\n"] {
        let project = two();
        project.add(C, HALF, "").add_file(C, "metadata.toml", metadata);
        let (database, migrations) = project.open();
        migrations.apply(&database).unwrap_err();
        assert_eq!(tables(&database), ["a", "b"], "{metadata:?}: nothing of it stays");
    }
}

#[test]
fn metadata_that_is_not_understood_is_an_error_with_its_line() {
    for (metadata, line, word) in [
        ("# a\nrun_in_transactions = false", ":2:", "run_in_transactions"),
        ("run_in_transaction = \"no\"", ":1:", "boolean"),
        ("[migration]\nrun_in_transaction = false", ":1:", "migration"),
        ("run_in_transaction: false", ":1:", "metadata.toml"),
    ] {
        let project = two();
        project.add(C, "CREATE TABLE c (n BIGINT);", "").add_file(C, "metadata.toml", metadata);
        let (database, migrations) = project.open();
        let error = migrations.apply(&database).unwrap_err().to_string();
        let place = format!("{C}/metadata.toml{line}");
        assert!(error.contains(&place) && error.contains(word) && error.contains("run_in_transaction = false"), "{error}");
        assert!(tables(&database).is_empty(), "nothing was applied");
    }
}

#[test]
fn a_compiled_in_folder_with_a_folder_for_each_database_is_refused() {
    use lback::db::include_dir::{Dir, DirEntry};
    const FOLDERS: &[DirEntry<'static>] = &[DirEntry::Dir(Dir::new("postgres", &[])), DirEntry::Dir(Dir::new("sqlite", &[]))];
    let project = Project::new();
    let (database, migrations) = project.open();
    let error = migrations.battery("news", Dir::new("", FOLDERS)).pending(&database).unwrap_err().to_string();
    assert!(error.contains("has a folder postgres") && error.contains("Write migrations!(sqlite, postgres)"), "{error}");
}

#[test]
fn without_a_transaction_statements_are_sent_one_by_one() {
    const UP: &str = "-- two; of them
        CREATE TABLE c (n BIGINT, text TEXT);
        CREATE TRIGGER t AFTER INSERT ON c BEGIN
            UPDATE c SET n = CASE WHEN n > 1 THEN 2 ELSE 3 END;
            UPDATE c SET text = 'one; two';
        END;
        VACUUM;
        INSERT INTO c (n) VALUES (1)";
    let project = two();
    project.add(C, UP, "DROP TABLE c").add_file(C, "metadata.toml", "run_in_transaction = false # for VACUUM\n");
    let (database, migrations) = project.open();
    assert_eq!(migrations.apply(&database).unwrap(), [A, B, C]);
    assert_eq!(tables(&database), ["a", "b", "c"]);
    assert_eq!(migrations.rollback(&database, 1).unwrap(), [C]);
    // Within one, the error says what to write.
    project.add_file(C, "metadata.toml", "");
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("VACUUM") && error.contains("run_in_transaction = false"), "{error}");
    assert_eq!(tables(&database), ["a", "b"]);
}

#[test]
fn what_fails_without_a_transaction_is_named_by_its_line_and_not_recorded() {
    let project = two();
    project.add(C, "CREATE TABLE half (n BIGINT);\n\n-- then\nINSERT INTO nowhere VALUES (1);", "");
    project.add_file(C, "metadata.toml", "run_in_transaction = false");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains(&format!("{C}/up.sql:4")) && error.contains("without a transaction") && error.contains("nowhere"), "{error}");
    assert_eq!(states(&migrations, &database)[2].1, Applied::No);
}

#[test]
fn sql_that_would_end_the_transaction_is_refused_before_it_runs() {
    for up in [
        "BEGIN;\nCREATE TABLE c (n BIGINT);\nCOMMIT;",
        "CREATE TABLE c (n BIGINT); COMMIT; INSERT INTO nowhere VALUES (1);",
        "CREATE TABLE c (n BIGINT);\nend transaction;",
        "CREATE TABLE c (n BIGINT); ROLLBACK;",
    ] {
        let project = two();
        project.add(C, up, "");
        let (database, migrations) = project.open();
        let error = migrations.apply(&database).unwrap_err().to_string();
        assert!(error.contains(&format!("{C}/up.sql:")) && error.contains("would end the transaction"), "{error}");
        assert_eq!(tables(&database), ["a", "b"], "{up}");
    }
    let project = two();
    project.add(C, "SAVEPOINT s; CREATE TABLE c (n BIGINT); ROLLBACK TO s; RELEASE s; CREATE TABLE d (n BIGINT);", "");
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    assert_eq!(tables(&database), ["a", "b", "d"]);
}

#[test]
fn a_transaction_that_is_left_open_is_not_taken_for_done() {
    let project = two();
    project.add(C, "BEGIN; CREATE TABLE c (n BIGINT);", "").add_file(C, "metadata.toml", "run_in_transaction = false");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains(C) && error.contains("transaction"), "{error}");
    assert_eq!(tables(&database), ["a", "b"]);
    assert_eq!(states(&migrations, &database)[2].1, Applied::No);
}

#[test]
fn a_folder_without_up_sql_is_skipped_with_a_warning_that_names_it() {
    logs::start();
    let project = two();
    let folder = project.path().join("migrations");
    fs::create_dir_all(folder.join("2026-01-01-120000_left/empty")).unwrap();
    project.add_file("2026-01-01-130000_undone", "down.sql", "DROP TABLE x;");
    fs::write(folder.join("README.md"), "Notes.").unwrap();
    fs::create_dir_all(folder.join(".idea")).unwrap();
    let (database, migrations) = project.open();
    assert_eq!(migrations.apply(&database).unwrap(), [A, B]);
    assert!(migrations.pending(&database).unwrap().is_empty());
    for name in ["2026-01-01-120000_left", "2026-01-01-130000_undone"] {
        let place = folder.join(name).display().to_string();
        assert_eq!(logs::lines_with(&place).len(), 1, "{name}, once");
    }
    assert!(logs::lines_with(&folder.join(".idea").display().to_string()).is_empty());
}

#[test]
fn how_a_file_was_saved_makes_no_difference() {
    const SQL: &str = "CREATE TABLE texts (text TEXT NOT NULL);\nINSERT INTO texts VALUES ('one\ntwo');\n";
    let utf16 = |text: &str| -> Vec<u8> { [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect() };
    for bytes in [
        SQL.as_bytes().to_vec(),
        format!("\u{feff}{SQL}").into_bytes(),
        SQL.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}{}", SQL.replace('\n', "\r\n")).into_bytes(),
        utf16(SQL),
        format!("{SQL}  \t\n\n").into_bytes(),
    ] {
        for metadata in ["run_in_transaction = true", "\u{feff}run_in_transaction = false\r\n"] {
            let project = Project::new();
            project.add(A, "", "\u{feff}DROP TABLE texts;\r\n").add_file(A, "metadata.toml", metadata);
            fs::write(project.path().join("migrations").join(A).join("up.sql"), &bytes).unwrap();
            let (database, migrations) = project.open();
            migrations.apply(&database).unwrap();
            assert_eq!(rows(&database), ["one\ntwo"], "{bytes:?}");
            assert_eq!(migrations.rollback(&database, 1).unwrap(), [A]);
        }
    }
    let project = Project::new();
    project.add(A, "", "");
    fs::write(project.path().join("migrations").join(A).join("up.sql"), b"SELECT 1;\n-- \xe9").unwrap();
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains(&format!("{A}/up.sql:2")) && error.contains("UTF-8"), "{error}");
}

#[test]
fn an_applied_migration_that_was_edited_is_named() {
    let project = two();
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    let changed = || -> Vec<String> { migrations.status(&database).unwrap().into_iter().filter_map(|one| one.changed).collect() };
    for same in ["\u{feff}CREATE TABLE b (n BIGINT);", "CREATE TABLE b (n BIGINT); \t\r\n\r\n", "CREATE TABLE b (n BIGINT);\n\n\n"] {
        project.add(B, same, "DROP TABLE b;");
        assert_eq!(changed(), Vec::<String>::new(), "{same:?}");
    }
    for other in ["CREATE TABLE b (n BIGINT, m BIGINT);", "", "-- CREATE TABLE b (n BIGINT);", "CREATE TABLE\nb (n BIGINT);"] {
        project.add(B, other, "DROP TABLE b;");
        assert!(changed().len() == 1 && changed()[0].ends_with(&format!("{B}/up.sql")), "{other:?}");
    }
    // What undoes it may be written later.
    project.add(B, "CREATE TABLE b (n BIGINT);", "DROP TABLE IF EXISTS b;");
    assert!(changed().is_empty());
    // Undone and applied again, it is as it is now.
    project.add(B, "CREATE TABLE b (n BIGINT, m BIGINT);", "DROP TABLE b;");
    migrations.rollback(&database, 1).unwrap();
    migrations.apply(&database).unwrap();
    assert!(changed().is_empty());
}

#[test]
fn a_draft_is_left_alone_by_a_start_and_applied_by_migrate() {
    let project = two();
    project.add(C, &format!("{DRAFT}: look at it first.\nCREATE TABLE c (n BIGINT);"), "DROP TABLE c;");
    project.add("2026-01-04-000000_d", "CREATE TABLE d (n BIGINT);", "DROP TABLE d;");
    let (database, start) = project.open();
    assert_eq!(start.stop_at_blank().apply(&database).unwrap(), [A, B]);
    let (_, migrate) = project.open();
    assert_eq!(migrate.apply(&database).unwrap().len(), 2);
    // The line may go afterwards.
    project.add(C, "CREATE TABLE c (n BIGINT);", "DROP TABLE c;");
    assert!(migrate.status(&database).unwrap().iter().all(|one| one.changed.is_none()));
}

#[test]
fn a_start_waits_until_files_are_left_alone() {
    let quiet = Duration::from_millis(1500);
    let save = |project: &Project, ago: Duration| {
        let file = File::options().write(true).open(project.path().join("migrations").join(B).join("up.sql")).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    };
    // Half of it is written when the start begins to wait, and the rest while it does.
    let project = two();
    project.add(B, "CREATE TABLE half", "");
    save(&project, Duration::ZERO);
    let (database, start) = project.open();
    let start = start.stop_at_blank().settled_for(quiet);
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| start.apply(&database).unwrap());
        project.add(B, "CREATE TABLE whole (n BIGINT);", "DROP TABLE whole;");
        assert_eq!(starting.join().unwrap(), [A, B]);
    });
    assert_eq!(tables(&database), ["a", "whole"]);
    // The clock of another machine may be ahead: what was saved in the future was saved long ago.
    let project = two();
    let file = File::options().write(true).open(project.path().join("migrations").join(B).join("up.sql")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    let (database, start) = project.open();
    assert_eq!(start.settled_for(Duration::from_millis(1)).apply(&database).unwrap(), [A, B]);
}

#[test]
fn what_is_compiled_in_is_read_as_the_folder_is() {
    use lback::db::include_dir::{Dir, DirEntry, File};
    const IN_A: &[DirEntry<'static>] = &[
        DirEntry::File(File::new("2026-01-01-000000_create_a/up.sql", b"\xef\xbb\xbfCREATE TABLE a (n BIGINT);\r\n")),
        DirEntry::File(File::new("2026-01-01-000000_create_a/metadata.toml", b"# run_in_transaction = false\r\n")),
    ];
    const IN_B: &[DirEntry<'static>] =
        &[DirEntry::File(File::new("2026-01-02-000000_create_b/up.sql", b"CREATE TABLE b (n BIGINT); INSERT INTO nowhere VALUES (1);"))];
    const LEFT: &[DirEntry<'static>] = &[DirEntry::File(File::new("left/down.sql", b""))];
    const EMBEDDED: Dir<'static> =
        Dir::new("", &[DirEntry::Dir(Dir::new(A, IN_A)), DirEntry::Dir(Dir::new(B, IN_B)), DirEntry::Dir(Dir::new("left", LEFT))]);
    let project = Project::new();
    let (database, _) = project.open();
    let migrations = lback::db::Migrations::new().embedded(EMBEDDED);
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains(B) && error.contains("nowhere") && error.contains(A), "{error}");
    assert_eq!(tables(&database), ["a"]);
    assert_eq!(migrations.names(database.kind()).unwrap(), [A, B]);
    // The folder of a debug build has the same checksum as what a release build applied.
    project.add(A, "CREATE TABLE a (n BIGINT);", "");
    let (_, from_folder) = project.open();
    assert!(from_folder.status(&database).unwrap().iter().all(|one| one.changed.is_none()));
}

#[test]
fn what_a_migration_sets_does_not_reach_the_next() {
    const C_UP: &str =
        "CREATE TABLE new (n BIGINT PRIMARY KEY); INSERT INTO new SELECT n FROM p; DROP TABLE p; ALTER TABLE new RENAME TO p;";
    let project = Project::new();
    project.add(A, "CREATE TABLE p (n BIGINT PRIMARY KEY); CREATE TABLE c (p BIGINT REFERENCES p (n) ON DELETE CASCADE);", "");
    project.add(B, "PRAGMA foreign_keys = ON; INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);", "");
    project.add_file(B, "metadata.toml", "run_in_transaction = false");
    project.add(C, C_UP, "");
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    let rows = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM c");
    assert_eq!(rows.get_result::<i64>(&mut database.connect().unwrap()).unwrap(), 1, "rebuilding p deletes no row of c");
}
