//! `makemigrations --merge`: two branches that both have migrations.

use std::fs;

use chrono::{TimeZone, Utc};
use lback_core::Result;
#[cfg(feature = "sqlite")]
use lback_models::migrate::check_migrations;
use lback_models::migrate::{Dialect, Make, Schema};

use super::project::{Project, notes, notes_with, projects, schema};

const TEXT: &str = r#"{"name": "text", "kind": "text"}"#;
const N: &str = r#"{"name": "n", "kind": "integer", "null": true}"#;
const M: &str = r#"{"name": "m", "kind": "text", "max_length": 20, "null": true}"#;

/// Runs the command at a time of this day, and returns what it prints.
fn make(project: &Project, models: &Schema, day: u32, arguments: &[&str]) -> Result<String> {
    let (folder, migrations) = (project.folder(), project.migrations());
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let mut printed = String::new();
    Make {
        models,
        folder: &folder,
        dialect: project.dialect,
        database: Some(&project.database),
        migrations: Some(&migrations),
        now: Utc.with_ymd_and_hms(2026, 11, day, 11, 0, 0).unwrap(),
        arguments: &arguments,
        ask: None,
        print: &mut |line| printed += &format!("{line}\n"),
    }
    .run()
    .map(|()| printed)
}

/// A project whose two branches have each added a column to `notes`. `models.json` is that of the second branch.
fn branches() -> impl Iterator<Item = (Project, String)> {
    projects().into_iter().map(|project| {
        fs::create_dir_all(project.folder().join(project.dialect.name())).unwrap();
        make(&project, &notes(TEXT), 1, &[]).unwrap();
        let json = project.folder().join("models.json");
        let before = fs::read_to_string(&json).unwrap();
        make(&project, &notes(&format!("{TEXT}, {N}")), 2, &[]).unwrap();
        let ours = fs::read_to_string(&json).unwrap();
        fs::write(&json, before).unwrap();
        make(&project, &notes(&format!("{TEXT}, {M}")), 3, &[]).unwrap();
        if project.dialect == Dialect::Postgres {
            project.apply().unwrap();
        }
        (project, ours)
    })
}

fn both() -> Schema {
    notes(&format!("{TEXT}, {N}, {M}"))
}

fn check(project: &Project) {
    #[cfg(feature = "sqlite")]
    check_migrations(&project.folder(), &project.migrations(), project.dialect).unwrap();
    assert_eq!(make(project, &both(), 5, &[]).unwrap(), "No changes.\n");
    project.apply().unwrap();
    project.assert_is(&both(), "merged");
}

#[test]
fn a_file_that_has_only_one_branch_gets_both() {
    for (project, _) in branches() {
        let printed = make(&project, &both(), 4, &["--merge"]).unwrap();
        assert_eq!(printed, "Wrote migrations/models.json: it describes the tables that all migrations make together.\n");
        assert_eq!(fs::read_to_string(project.folder().join("models.json")).unwrap(), both().to_json());
        let printed = make(&project, &both(), 4, &["--merge"]).unwrap();
        assert_eq!(printed, "migrations/models.json describes the tables that all migrations make together already.\n");
        check(&project);
    }
}

#[test]
fn a_file_that_git_could_not_merge_is_written_anew() {
    for (project, ours) in branches() {
        let json = project.folder().join("models.json");
        let theirs = fs::read_to_string(&json).unwrap();
        fs::write(&json, format!("<<<<<<< HEAD\n{ours}||||||| base\n{{}}\n=======\n{theirs}>>>>>>> other\n")).unwrap();
        let error = make(&project, &both(), 4, &[]).unwrap_err().to_string();
        assert!(error.contains("migrations/models.json:1: git could not merge") && error.contains("makemigrations --merge"), "{error}");
        make(&project, &both(), 4, &["--merge"]).unwrap();
        check(&project);
        // Both versions may be damaged: the models name the tables as well.
        fs::write(&json, "<<<<<<< HEAD\n{\n=======\n}\n>>>>>>> other\n").unwrap();
        make(&project, &both(), 4, &["--merge"]).unwrap();
        check(&project);
        // Other damage is not a merge.
        fs::write(&json, "{\n").unwrap();
        assert!(make(&project, &both(), 4, &["--merge"]).unwrap_err().to_string().contains("migrations/models.json:"));
        assert_eq!(fs::read_to_string(&json).unwrap(), "{\n");
    }
}

#[test]
fn a_change_that_no_branch_has_a_migration_for_stays_one() {
    for (project, _) in branches() {
        let more = schema(&both().to_json().replace("\"notes\"", "\"posts\""));
        let more = Schema { tables: both().tables.into_iter().chain(more.tables).collect() };
        let printed = make(&project, &more, 4, &["--merge"]).unwrap();
        assert!(printed.contains("The models have changes without a migration (create_posts). Run: lback makemigrations"), "{printed}");
        make(&project, &more, 5, &[]).unwrap();
        project.apply().unwrap();
        project.assert_is(&more, "merged, and one more");
    }
}

#[test]
fn what_sqlite_has_no_type_for_stays_as_the_branches_describe_it() {
    const AT: &str = r#"{"name": "at", "kind": "timestamp"}, {"name": "took", "kind": "duration"}, {"name": "token", "kind": "uuid"}, {"name": "extra", "kind": "json"},
        {"name": "price", "kind": "decimal", "digits": {"max_digits": 6, "decimal_places": 2}}"#;
    const CHECK: &str = r#"[{"name": "price_min", "condition": "\"price\" >= 0.50", "on_sqlite": "\"price\" >= 50"}]"#;
    const SEEN: &str = r#"{"name": "seen", "kind": "timestamp", "null": true}"#;
    const KEPT: &str = r#"{"name": "kept", "kind": "json", "null": true}"#;
    for project in projects() {
        let of = |more: &str| notes_with(&format!("{AT}{more}"), "[]", CHECK);
        fs::create_dir_all(project.folder().join(project.dialect.name())).unwrap();
        make(&project, &of(""), 1, &[]).unwrap();
        let json = project.folder().join("models.json");
        let before = fs::read_to_string(&json).unwrap();
        make(&project, &of(&format!(", {SEEN}")), 2, &[]).unwrap();
        let ours = fs::read_to_string(&json).unwrap();
        fs::write(&json, before).unwrap();
        make(&project, &of(&format!(", {KEPT}")), 3, &[]).unwrap();
        let theirs = fs::read_to_string(&json).unwrap();
        if project.dialect == Dialect::Postgres {
            project.apply().unwrap();
        }
        fs::write(&json, format!("<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n")).unwrap();
        let more = of(&format!(", {SEEN}, {KEPT}, {N}"));
        make(&project, &more, 4, &["--merge"]).unwrap();
        let merged = fs::read_to_string(&json).unwrap();
        assert_eq!(merged, of(&format!(", {SEEN}, {KEPT}")).to_json());
        let printed = make(&project, &more, 5, &[]).unwrap();
        assert!(printed.contains("_add_n_to_notes"), "{printed}");
        project.apply().unwrap();
        project.assert_is(&more, "merged, and one more");
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn a_change_that_both_branches_make_is_an_error() {
    let (project, _) = branches().next().unwrap();
    let same = project.folder().join("sqlite/2026-11-02-120000_add_m");
    fs::create_dir(&same).unwrap();
    fs::write(same.join("up.sql"), "ALTER TABLE notes ADD COLUMN m TEXT").unwrap();
    let before = fs::read_to_string(project.folder().join("models.json")).unwrap();
    let error = make(&project, &both(), 4, &["--merge"]).unwrap_err().to_string();
    for part in [
        "do not fit together",
        "_add_m_to_notes failed in an empty database",
        "duplicate column name: m",
        "remove the folder of one of the two",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(fs::read_to_string(project.folder().join("models.json")).unwrap(), before);
}

#[cfg(feature = "sqlite")]
#[test]
fn migrations_that_are_applied_late_are_named() {
    let (project, _) = branches().next().unwrap();
    let folder = project.folder().join("sqlite/2026-11-02-110000_add_n_to_notes");
    let hidden = project.path().join("hidden");
    fs::rename(&folder, &hidden).unwrap();
    project.apply().unwrap();
    fs::rename(&hidden, &folder).unwrap();
    let printed = make(&project, &both(), 4, &["--merge"]).unwrap();
    assert!(printed.contains("2026-11-02-110000_add_n_to_notes is older than migrations that the database has applied"), "{printed}");
    check(&project);
}

#[cfg(feature = "postgres")]
#[test]
fn pending_migrations_of_postgresql_are_applied_first() {
    for (project, _) in branches().filter(|(project, _)| project.dialect == Dialect::Postgres) {
        project.rollback().unwrap();
        let error = make(&project, &both(), 4, &["--merge"]).unwrap_err().to_string();
        assert!(error.contains("_add_m_to_notes. Run lback migrate first"), "{error}");
    }
}
