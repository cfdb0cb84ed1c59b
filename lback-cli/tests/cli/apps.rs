//! Apps: what is made, where it is registered, and when nothing is done.

use std::fs;

use crate::support::{fail, folder, project, snapshot, succeed};

#[test]
fn an_app_is_made_and_registered_from_any_folder_of_the_project() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    succeed(&project.join("templates"), &["startapp", "blog"]);
    succeed(&project.join("src/blog"), &["startapp", "shop"]);

    for app in ["blog", "shop"] {
        for file in ["mod", "models", "views", "urls", "tests"] {
            let text = fs::read_to_string(project.join(format!("src/{app}/{file}.rs"))).unwrap();
            assert!(!text.contains("__APP__"), "{text}");
        }
        assert!(project.join(format!("templates/{app}/index.html")).is_file());
    }
    let main = fs::read_to_string(project.join("src/main.rs")).unwrap();
    assert!(main.contains("mod blog;\nmod shop;\nmod urls;\nmod views;\n"), "{main}");
    let urls = fs::read_to_string(project.join("src/urls.rs")).unwrap();
    assert!(urls.contains(".include(\"/blog\", crate::blog::urls::urls()).name(\"blog\")\n"), "{urls}");
    assert!(urls.contains(".include(\"/shop\", crate::shop::urls::urls()).name(\"shop\")\n}\n"), "{urls}");

    let mut migrations: Vec<String> =
        fs::read_dir(project.join("migrations")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    migrations.retain(|name| name != ".gitkeep");
    migrations.sort();
    assert_eq!(migrations.len(), 2);
    assert!(migrations[0].ends_with("_create_blog") && migrations[1].ends_with("_create_shop"), "{migrations:?}");
    let version = |name: &str| name.split('_').next().unwrap().to_owned();
    assert_ne!(version(&migrations[0]), version(&migrations[1]));
    assert!(fs::read_to_string(project.join("migrations").join(&migrations[0]).join("up.sql")).unwrap().contains("blog_items"));
}

#[test]
fn what_exists_is_refused_and_left_alone() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    succeed(&project, &["startapp", "blog"]);
    fs::write(project.join("src/shop.rs"), "").unwrap();
    fs::create_dir(project.join("templates/mail")).unwrap();
    let urls = fs::read_to_string(project.join("src/urls.rs")).unwrap();
    fs::write(project.join("src/urls.rs"), urls.replace("\n}\n", "\n        .get(\"/about\", views::index)\n}\n")).unwrap();

    let before = snapshot(&project);
    assert!(fail(&project, &["startapp", "blog"]).contains("src/blog exists already"));
    assert!(fail(&project, &["startapp", "shop"]).contains("src/shop.rs exists already"));
    assert!(fail(&project, &["startapp", "mail"]).contains("templates/mail exists already"));
    assert!(fail(&project, &["startapp", "about"]).contains("has a path \"/about\" already"));
    assert_eq!(snapshot(&project), before);
}

#[test]
fn where_the_code_looks_otherwise_nothing_is_changed_and_the_lines_are_told() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    fs::write(project.join("src/urls.rs"), "pub fn urls() -> Router {\n    let all = routes();\n    all\n}\n").unwrap();
    let before = snapshot(&project);
    let error = fail(&project, &["startapp", "blog"]);
    assert!(error.contains("src/main.rs   mod blog;"), "{error}");
    assert!(error.contains("src/urls.rs   .include(\"/blog\", crate::blog::urls::urls()).name(\"blog\")"), "{error}");
    assert!(error.contains("lback startapp blog --no-register"), "{error}");
    assert_eq!(snapshot(&project), before);

    let said = succeed(&project, &["startapp", "blog", "--no-register"]);
    assert!(said.contains("src/main.rs   mod blog;"), "{said}");
    assert!(project.join("src/blog/mod.rs").is_file());
    assert_eq!(fs::read(project.join("src/main.rs")).unwrap(), before[&project.join("src/main.rs")].clone().unwrap());
}

#[test]
fn a_failure_on_the_way_takes_back_what_was_made() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    // There is a file where the folder of templates should be, which shows only after the app's code was made.
    fs::remove_dir_all(project.join("templates")).unwrap();
    fs::write(project.join("templates"), "").unwrap();
    let before = snapshot(&project);
    fail(&project, &["startapp", "blog"]);
    assert_eq!(snapshot(&project), before);
}

#[test]
fn outside_a_project_the_error_says_how_to_get_one() {
    let folder = folder();
    for arguments in [&["startapp", "blog"][..], &["makemigrations", "x"], &["migrate"], &["serve"], &["test"], &["routes"]] {
        let error = fail(folder.path(), arguments);
        assert!(error.contains("there is no project here"), "{error}");
        assert!(error.contains("lback startproject mysite"), "{error}");
    }
    fs::write(folder.path().join("settings.toml"), "").unwrap();
    assert!(fail(folder.path(), &["migrate"]).contains("no Cargo.toml"));
}
