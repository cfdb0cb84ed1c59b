//! `migrate` with a target, its plan, and records without SQL.

use std::fs;

use lback::db::{Applied, Database, MigrationAction, Migrations, PlannedMigration};

use super::{A, B, C, Project, add_two, on_each_kind, run, states, tables, two};

fn three(project: &Project) {
    add_two(project);
    project.add(C, "CREATE TABLE c (n BIGINT);", "DROP TABLE c;");
}

/// Migrates to a target, and returns what was done.
fn migrate(migrations: &Migrations, database: &Database, target: &str) -> lback::Result<Vec<String>> {
    let mut done = Vec::new();
    migrations.migrate(database, Some(target), |one| done.push(shown(one)))?;
    Ok(done)
}

fn shown(PlannedMigration { name, action, .. }: &PlannedMigration) -> String {
    match action {
        MigrationAction::Apply => format!("+{name}"),
        MigrationAction::RollBack => format!("-{name}"),
    }
}

fn plan(migrations: &Migrations, database: &Database, target: Option<&str>) -> Vec<String> {
    migrations.plan(database, target).unwrap().iter().map(shown).collect()
}

#[test]
fn a_target_is_reached_forwards_and_backwards() {
    on_each_kind(|project, database, migrations| {
        three(project);
        let [a, b, c] = [A, B, C].map(|name| (format!("+{name}"), format!("-{name}")));
        assert_eq!(plan(&migrations, database, None), [&*a.0, &*b.0, &*c.0]);
        assert_eq!(plan(&migrations, database, Some("2026-01-02")), [&*a.0, &*b.0]);
        assert!(tables(database).is_empty(), "a plan changes nothing");
        assert_eq!(migrate(&migrations, database, "create_b").unwrap(), [&*a.0, &*b.0]);
        assert!(migrate(&migrations, database, B).unwrap().is_empty());
        assert_eq!(migrate(&migrations, database, C).unwrap(), [&*c.0]);
        assert_eq!(plan(&migrations, database, Some("create_a")), [&*c.1, &*b.1]);
        assert_eq!(migrate(&migrations, database, "create_a").unwrap(), [&*c.1, &*b.1]);
        assert_eq!(tables(database), ["a"]);
        assert_eq!(migrate(&migrations, database, "zero").unwrap(), [&*a.1]);
        assert!(migrate(&migrations, database, "zero").unwrap().is_empty());
        assert!(tables(database).is_empty());
        assert_eq!(migrations.apply(database).unwrap(), [A, B, C]);
    });
}

#[test]
fn migrations_of_batteries_stay() {
    let project = two();
    let (database, migrations) = project.open();
    let migrations = migrations.battery("sessions", lback_session::MIGRATIONS);
    let done = migrate(&migrations, &database, "create_a").unwrap();
    assert!(done.len() > 1 && done[0].starts_with("+sessions/") && done.last().unwrap().ends_with(A), "{done:?}");
    assert_eq!(migrate(&migrations, &database, "zero").unwrap(), [format!("-{A}")]);
    assert_eq!(tables(&database), ["sessions"]);
    let error = migrate(&migrations, &database, "sessions/00000000000001_create_sessions").unwrap_err().to_string();
    assert!(error.contains("of the battery sessions"), "{error}");
}

#[test]
fn a_target_that_is_unknown_or_ambiguous_is_refused_with_near_names() {
    let project = two();
    let (database, migrations) = project.open();
    for (target, parts) in [
        ("create_", &["beginning of several migrations", A, B][..]),
        ("2026", &[A, B]),
        ("creat_b", &["no migration \"creat_b\"; did you mean create_b?"]),
        ("2026-01-02-000000_creat_b", &["did you mean 2026-01-02-000000_create_b?"]),
        ("orders", &["no migration \"orders\"; showmigrations lists them", "zero"]),
        ("", &["no migration \"\""]),
        ("'; DROP TABLE x; --", &["no migration"]),
    ] {
        let error = migrate(&migrations, &database, target).unwrap_err();
        assert!(error.is_client_error() && parts.iter().all(|part| error.to_string().contains(part)), "{target}: {error}");
    }
    assert!(tables(&database).is_empty());
}

#[test]
fn of_migrations_with_the_same_name_none_is_chosen() {
    on_each_kind(|project, database, migrations| {
        const AGAIN: &str = "2026-01-04-000000_create_a";
        three(project);
        project.add(AGAIN, "CREATE TABLE again (n BIGINT);", "DROP TABLE again;");
        migrations.apply(database).unwrap();
        let error = migrate(&migrations, database, "create_a").unwrap_err().to_string();
        assert!(error.contains(&format!("\"create_a\" fits several migrations: {A}, {AGAIN}. Write the whole name")), "{error}");
        assert_eq!(tables(database), ["a", "again", "b", "c"]);
        assert_eq!(migrate(&migrations, database, C).unwrap(), [format!("-{AGAIN}")]);
    });
}

#[test]
fn a_record_is_changed_without_sql() {
    on_each_kind(|project, database, migrations| {
        three(project);
        let fake = |target: Option<&str>| {
            let mut done = Vec::new();
            migrations.fake(database, target, |one| done.push(shown(one))).map(|()| done)
        };
        assert_eq!(fake(Some("create_b")).unwrap(), [format!("+{A}"), format!("+{B}")]);
        assert!(tables(database).is_empty());
        assert_eq!(migrations.apply(database).unwrap(), [C]);
        // The files of those that are forgotten may be gone, or have no SQL that undoes them.
        fs::write(project.path().join("migrations").join(B).join("down.sql"), "").unwrap();
        fs::remove_dir_all(project.path().join("migrations").join(C)).unwrap();
        assert_eq!(fake(Some(A)).unwrap(), ["-20260103000000".to_owned(), format!("-{B}")]);
        assert_eq!(tables(database), ["c"]);
        assert_eq!(states(&migrations, database), [(A.to_owned(), Applied::Yes), (B.to_owned(), Applied::No)]);
        // A migration whose SQL is still to be written would be recorded as done.
        project.add(C, "-- Write here.", "");
        let error = fake(None).unwrap_err().to_string();
        assert!(error.contains("no SQL") && error.contains(B), "{error}");
    });
}

#[test]
fn nothing_is_undone_if_one_cannot_be() {
    on_each_kind(|project, database, migrations| {
        three(project);
        migrations.apply(database).unwrap();
        project.add_file(B, "down.sql", " \n");
        for result in [migrate(&migrations, database, "zero"), migrations.rollback(database, 3)] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(B) && error.contains("cannot be undone") && error.contains("down.sql"), "{error}");
        }
        assert_eq!(tables(database), ["a", "b", "c"]);
        fs::remove_dir_all(project.path().join("migrations").join(B)).unwrap();
        let error = migrate(&migrations, database, A).unwrap_err().to_string();
        assert!(error.contains("20260102000000 was applied, and is not in the migrations folder"), "{error}");
        assert_eq!(tables(database), ["a", "b", "c"]);
    });
}

#[test]
fn one_of_a_merged_branch_is_applied_late_and_marked() {
    const LATE: &str = "2026-01-01-120000_create_late";
    on_each_kind(|project, database, migrations| {
        three(project);
        migrations.apply(database).unwrap();
        project.add(LATE, "CREATE TABLE late (n BIGINT);", "DROP TABLE late;");
        let status = migrations.status(database).unwrap();
        assert_eq!(status.iter().map(|one| one.is_late).collect::<Vec<_>>(), [false, true, false, false]);
        let planned = migrations.plan(database, None).unwrap();
        assert!(planned.len() == 1 && planned[0].is_late && planned[0].in_transaction, "{planned:?}");
        // A pending target rolls nothing back.
        assert_eq!(plan(&migrations, database, Some(LATE)), [format!("+{LATE}")]);
        assert_eq!(migrations.apply(database).unwrap(), [LATE]);
        assert!(migrations.status(database).unwrap().iter().all(|one| !one.is_late));
        // Rolled back in the order of names, not in that of their application.
        assert_eq!(migrate(&migrations, database, "create_a").unwrap(), [format!("-{C}"), format!("-{B}"), format!("-{LATE}")]);
    });
}

#[test]
fn one_without_a_transaction_is_marked() {
    let project = two();
    project.add_file(B, "metadata.toml", "run_in_transaction = false");
    let (database, migrations) = project.open();
    let planned = migrations.plan(&database, None).unwrap();
    assert_eq!(planned.iter().map(|one| one.in_transaction).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn the_sql_of_a_migration_is_found_by_the_beginning_of_its_name() {
    on_each_kind(|project, database, migrations| {
        three(project);
        project.add_file(C, "down.sql", "");
        let kind = database.kind();
        assert_eq!(migrations.sql(kind, "create_a", false).unwrap(), "CREATE TABLE a (n BIGINT);");
        assert_eq!(migrations.sql(kind, "2026-01-02", true).unwrap(), "DROP TABLE b;");
        for (name, down, part) in [("create", false, "several"), ("create_d", false, "no migration"), (C, true, "no down.sql")] {
            let error = migrations.sql(kind, name, down).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    });
}

#[test]
fn one_without_a_transaction_that_was_interrupted_says_what_to_do() {
    on_each_kind(|project, database, migrations| {
        add_two(project);
        project.add(C, "CREATE TABLE c (n BIGINT);\nCREATE TABLE d (n BIGINT);", "").add_file(
            C,
            "metadata.toml",
            "run_in_transaction = false",
        );
        migrations.migrate(database, Some(B), |_| {}).unwrap();
        // What a process leaves behind that is killed after the first statement.
        run(database, "CREATE TABLE c (n BIGINT)");
        let error = migrations.apply(database).unwrap_err().to_string();
        assert!(error.contains(&format!("{C}/up.sql:1. If an attempt that was interrupted has left it behind, remove it")), "{error}");
        assert_eq!(migrations.pending(database).unwrap(), [C]);
        run(database, "DROP TABLE c");
        assert_eq!(migrations.apply(database).unwrap(), [C]);
    });
}
