//! `check`: models, `models.json`, migrations and the database are compared.

use std::fs;

#[cfg(feature = "sqlite")]
use lback_models::migrate::check_migrations;
use lback_models::migrate::{Schema, check_database, check_models};

use super::project::{notes, notes_with, projects};

const TEXT: &str = r#"{"name": "text", "kind": "text"}"#;

#[test]
fn models_without_a_migration_are_found() {
    for project in projects() {
        fs::create_dir_all(project.folder()).unwrap();
        let error = check_models(&notes(TEXT), &project.folder()).unwrap_err().to_string();
        assert!(error.contains("create_notes") && error.contains("lback makemigrations"), "{error}");
        fs::write(project.folder().join("models.json"), notes(TEXT).to_json()).unwrap();
        check_models(&notes(TEXT), &project.folder()).unwrap();
        let both = format!(r#"{{"name": "n", "kind": "integer"}}, {TEXT}"#);
        let error = check_models(&notes(&both), &project.folder()).unwrap_err().to_string();
        assert!(error.contains("add_n_to_notes"), "{error}");
        fs::write(project.folder().join("models.json"), "<<<<<<< HEAD").unwrap();
        let error = check_models(&notes(TEXT), &project.folder()).unwrap_err().to_string();
        assert!(error.contains("migrations/models.json:1"), "{error}");
    }
}

#[test]
fn a_program_without_its_folder_passes() {
    let folder = tempfile::tempdir().unwrap();
    check_models(&notes(TEXT), &folder.path().join("migrations")).unwrap();
}

#[cfg(feature = "sqlite")]
#[test]
fn migrations_that_do_not_make_the_models_are_found() {
    for mut project in projects() {
        project.migrate(&Schema::default(), &notes(TEXT)).unwrap();
        let json = project.folder().join("models.json");
        fs::write(&json, notes(TEXT).to_json()).unwrap();
        let check = || check_migrations(&project.folder(), &project.migrations(), project.dialect);
        check().unwrap();
        if project.dialect == lback_models::migrate::Dialect::Postgres {
            continue;
        }
        let more = notes_with(
            r#"{"name": "text", "kind": "text", "max_length": 5}, {"name": "n", "kind": "integer"}"#,
            r#"[{"columns": ["text"], "unique": true}]"#,
            "[]",
        );
        fs::write(&json, more.to_json()).unwrap();
        let error = check().unwrap_err().to_string();
        for part in [
            "the column notes.n is missing",
            "notes.text: it has no limit of length instead of at most 5 characters",
            "the unique index of notes (text) is missing",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn a_database_that_was_changed_by_hand_is_found() {
    for mut project in projects() {
        let schema = notes_with(TEXT, r#"[{"columns": ["text"]}]"#, r#"[{"name": "c", "condition": "text <> ''"}]"#);
        project.migrate(&Schema::default(), &schema).unwrap();
        check_database(&schema, &mut project.db()).unwrap();
        project.run("ALTER TABLE notes ADD COLUMN by_hand TEXT; DROP INDEX notes_text_idx; CREATE INDEX another ON notes (text, id)");
        let error = check_database(&schema, &mut project.db()).unwrap_err().to_string();
        for part in ["the column notes.by_hand has no field", "the index of notes (text) is missing"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("another"), "indexes that were added by hand are no fault: {error}");
    }
}
