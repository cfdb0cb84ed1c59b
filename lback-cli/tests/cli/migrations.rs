//! `lback makemigrations`.

use std::fs;

use crate::support::{fail, folder, project, snapshot, succeed};

#[test]
fn a_migration_is_an_empty_pair_with_a_unique_version() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let printed = succeed(&project.join("src"), &["makemigrations", "add_author"]);
    succeed(&project, &["makemigrations", "add_date"]);

    let mut names: Vec<String> =
        fs::read_dir(project.join("migrations")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".gitkeep");
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(printed.contains(&names[0]), "{printed}");
    assert!(names[0].ends_with("_add_author") && names[1].ends_with("_add_date"), "{names:?}");
    assert_ne!(names[0].split('_').next(), names[1].split('_').next());
    for name in &names {
        for file in ["up.sql", "down.sql"] {
            assert_eq!(fs::read_to_string(project.join("migrations").join(name).join(file)).unwrap(), "");
        }
    }
}

#[test]
fn every_folder_of_a_database_gets_a_pair() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    for database in ["sqlite", "postgres"] {
        fs::create_dir(project.join("migrations").join(database)).unwrap();
    }
    let printed = succeed(&project, &["makemigrations", "add_author"]);
    let names = |database: &str| -> Vec<String> {
        let entries = fs::read_dir(project.join("migrations").join(database)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let names_of_both = names("sqlite");
    assert_eq!(names_of_both, names("postgres"));
    assert_eq!(names_of_both.len(), 1, "{names_of_both:?}");
    assert!(printed.contains("migrations/sqlite/") && printed.contains("migrations/postgres/"), "{printed}");
    assert!(fail(&project, &["makemigrations", "add_author"]).contains("a migration with this name already exists"));
}

#[test]
fn existing_and_invalid_names_are_rejected() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    succeed(&project, &["makemigrations", "add_author"]);
    let before = snapshot(&project);
    assert!(fail(&project, &["makemigrations", "add_author"]).contains("a migration with this name already exists"));
    assert!(fail(&project, &["makemigrations", "add author"]).contains("for example: add_author"));
    assert!(fail(&project, &["makemigrations", "../x"]).contains("path"));
    assert_eq!(snapshot(&project), before);
}

#[test]
fn options_are_for_projects_with_models() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let before = snapshot(&project);
    assert!(fail(&project, &["makemigrations"]).contains("lback makemigrations add_author_to_posts --empty"));
    assert!(fail(&project, &["makemigrations", "--check"]).contains("--check is for projects with models"));
    assert!(fail(&project, &["makemigrations", "a", "--rename", "notes.text=body"]).contains("--rename=notes.text=body is for"));
    assert_eq!(snapshot(&project), before);
    fs::write(project.join("migrations/models.json"), "{}\n").unwrap();
    // A project with models creates empty migrations without being built.
    succeed(&project, &["makemigrations", "add_author", "--empty"]);
}
