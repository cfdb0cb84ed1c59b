//! `lback makemigrations`.

use std::fs;

use crate::support::{fail, folder, project, snapshot, succeed};

#[test]
fn a_migration_is_an_empty_pair_with_a_version_of_its_own() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let said = succeed(&project.join("src"), &["makemigrations", "add_author"]);
    succeed(&project, &["makemigrations", "add_date"]);

    let mut names: Vec<String> =
        fs::read_dir(project.join("migrations")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".gitkeep");
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(said.contains(&names[0]), "{said}");
    assert!(names[0].ends_with("_add_author") && names[1].ends_with("_add_date"), "{names:?}");
    assert_ne!(names[0].split('_').next(), names[1].split('_').next());
    for name in &names {
        for file in ["up.sql", "down.sql"] {
            assert_eq!(fs::read_to_string(project.join("migrations").join(name).join(file)).unwrap(), "");
        }
    }
}

#[test]
fn where_each_database_has_its_folder_each_gets_a_pair() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    for database in ["sqlite", "postgres"] {
        fs::create_dir(project.join("migrations").join(database)).unwrap();
    }
    let said = succeed(&project, &["makemigrations", "add_author"]);
    succeed(&project, &["startapp", "blog"]);
    let names = |database: &str| -> Vec<String> {
        let entries = fs::read_dir(project.join("migrations").join(database)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let names_of_both = names("sqlite");
    assert_eq!(names_of_both, names("postgres"));
    assert_eq!(names_of_both.len(), 2, "{names_of_both:?}");
    assert!(said.contains("migrations/sqlite/") && said.contains("migrations/postgres/"), "{said}");
    let up = |database: &str| fs::read_to_string(project.join("migrations").join(database).join(&names_of_both[1]).join("up.sql")).unwrap();
    assert!(up("sqlite").contains("INTEGER NOT NULL PRIMARY KEY") && up("postgres").contains("IDENTITY PRIMARY KEY"));
    assert!(fail(&project, &["makemigrations", "add_author"]).contains("there is a migration of that name"));
}

#[test]
fn a_name_that_is_there_or_would_not_work_is_refused() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    succeed(&project, &["makemigrations", "add_author"]);
    let before = snapshot(&project);
    assert!(fail(&project, &["makemigrations", "add_author"]).contains("there is a migration of that name"));
    assert!(fail(&project, &["makemigrations", "add author"]).contains("such as: add_author"));
    assert!(fail(&project, &["makemigrations", "../x"]).contains("path"));
    assert_eq!(snapshot(&project), before);
}
