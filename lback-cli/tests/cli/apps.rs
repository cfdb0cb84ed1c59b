//! `lback startapp`: the created files, the registration, and errors that leave the project unchanged.

use std::fs;

use crate::support::{fail, folder, project, snapshot, succeed};

#[test]
fn an_app_can_be_created_from_any_folder_of_the_project() {
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
    assert!(main.contains(".tables(tables![blog::models::blog_items, shop::models::shop_items])"), "{main}");
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
fn existing_files_and_routes_are_not_overwritten() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    succeed(&project, &["startapp", "blog"]);
    fs::write(project.join("src/shop.rs"), "").unwrap();
    fs::create_dir(project.join("templates/mail")).unwrap();
    let urls = fs::read_to_string(project.join("src/urls.rs")).unwrap();
    fs::write(project.join("src/urls.rs"), urls.replace("\n}\n", "\n        .get(\"/about\", views::index)\n}\n")).unwrap();

    let before = snapshot(&project);
    assert!(fail(&project, &["startapp", "blog"]).contains("src/blog already exists"));
    assert!(fail(&project, &["startapp", "shop"]).contains("src/shop.rs already exists"));
    assert!(fail(&project, &["startapp", "mail"]).contains("templates/mail already exists"));
    assert!(fail(&project, &["startapp", "about"]).contains("already has the path \"/about\""));
    assert_eq!(snapshot(&project), before);
}

#[test]
fn code_in_another_form_is_not_edited_and_the_lines_are_printed() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    fs::write(project.join("src/urls.rs"), "pub fn urls() -> Router {\n    let all = routes();\n    all\n}\n").unwrap();
    let before = snapshot(&project);
    let error = fail(&project, &["startapp", "blog"]);
    assert!(error.contains("src/main.rs   mod blog;"), "{error}");
    assert!(error.contains("src/urls.rs   .include(\"/blog\", crate::blog::urls::urls()).name(\"blog\")"), "{error}");
    assert!(error.contains("lback startapp blog --no-register"), "{error}");
    assert_eq!(snapshot(&project), before);

    let printed = succeed(&project, &["startapp", "blog", "--no-register"]);
    assert!(printed.contains("src/main.rs   mod blog;"), "{printed}");
    assert!(project.join("src/blog/mod.rs").is_file());
    assert_eq!(fs::read(project.join("src/main.rs")).unwrap(), before[&project.join("src/main.rs")].clone().unwrap());
}

#[test]
fn a_failed_step_reverts_the_earlier_ones() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    // A file in place of the folder of templates causes an error only after the app's code has been created.
    fs::remove_dir_all(project.join("templates")).unwrap();
    fs::write(project.join("templates"), "").unwrap();
    let before = snapshot(&project);
    fail(&project, &["startapp", "blog"]);
    assert_eq!(snapshot(&project), before);
}

#[test]
fn outside_a_project_the_error_explains_how_to_create_one() {
    let folder = folder();
    for arguments in [&["startapp", "blog"][..], &["makemigrations", "x"], &["migrate"], &["serve"], &["test"], &["routes"]] {
        let error = fail(folder.path(), arguments);
        assert!(error.contains("there is no project here"), "{error}");
        assert!(error.contains("lback startproject mysite"), "{error}");
    }
    fs::write(folder.path().join("settings.toml"), "").unwrap();
    assert!(fail(folder.path(), &["migrate"]).contains("no Cargo.toml"));
}

#[test]
fn byte_order_marks_and_line_ends_are_preserved() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    for file in ["src/main.rs", "src/urls.rs", "Cargo.toml", "settings.toml"] {
        let text = fs::read_to_string(project.join(file)).unwrap();
        fs::write(project.join(file), format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    }
    succeed(&project, &["startapp", "blog"]);
    for (file, lines) in [("src/main.rs", "\r\nmod blog;\r\nmod urls;\r\n"), ("src/urls.rs", ".name(\"blog\")\r\n}\r\n")] {
        let text = fs::read_to_string(project.join(file)).unwrap();
        assert!(text.starts_with('\u{feff}') && text.contains(lines), "{text:?}");
        assert!(!text.replace("\r\n", "").contains('\n') && text.matches('\u{feff}').count() == 1, "{text:?}");
    }
}

#[test]
fn without_a_list_of_tables_the_line_is_printed() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let main = fs::read_to_string(project.join("src/main.rs")).unwrap();
    fs::write(project.join("src/main.rs"), main.replace(".tables(tables![])", "")).unwrap();
    let printed = succeed(&project, &["startapp", "blog"]);
    assert!(printed.contains("App::tables(tables![blog::models::blog_items])"), "{printed}");
}

#[test]
fn the_database_is_read_from_any_form_of_manifest() {
    let folder = folder();
    for (name, lback) in [
        ("inline", "[dependencies]\r\nlback={ version = \"0.1\", features=[ 'postgres' ], default-features=false } \r\n"),
        ("table", "\u{feff}[dependencies.lback]\nversion = \"0.1\"\ndefault-features = false\nfeatures = [\n  \"postgres\",\n]\n"),
    ] {
        let project = folder.path().join(name);
        fs::create_dir_all(project.join("src")).unwrap();
        fs::write(project.join("settings.toml"), "").unwrap();
        fs::write(project.join("Cargo.toml"), lback).unwrap();
        succeed(&project, &["startapp", "blog", "--no-register"]);
        let migration = fs::read_dir(project.join("migrations")).unwrap().next().unwrap().unwrap().path();
        assert!(fs::read_to_string(migration.join("up.sql")).unwrap().contains("BIGINT GENERATED"), "{name}");
    }
}
