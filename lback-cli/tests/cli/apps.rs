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
    assert!(main.contains(".models(models![blog::models::Item, shop::models::Item])"), "{main}");
    let urls = fs::read_to_string(project.join("src/urls.rs")).unwrap();
    assert!(urls.contains(".include(\"/blog\", crate::blog::urls::urls()).name(\"blog\")\n"), "{urls}");
    assert!(urls.contains(".include(\"/shop\", crate::shop::urls::urls()).name(\"shop\")\n}\n"), "{urls}");

    let models = fs::read_to_string(project.join("src/shop/models.rs")).unwrap();
    assert!(models.contains("table = \"shop_items\"") && models.contains("pub struct Item {"), "{models}");
    // The migrations are made when the models have the fields that they should have.
    let migrations: Vec<_> = fs::read_dir(project.join("migrations")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(migrations, [".gitkeep"]);
}

#[test]
fn the_model_is_called_like_the_app_or_as_the_user_says() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let printed = succeed(&project, &["startapp", "tickets"]);
    assert!(
        printed.contains("Give the model Ticket in src/tickets/models.rs") && printed.contains("  lback makemigrations\n"),
        "{printed}"
    );
    succeed(&project, &["startapp", "blog", "--model", "BlogPost"]);
    let main = fs::read_to_string(project.join("src/main.rs")).unwrap();
    assert!(main.contains(".models(models![tickets::models::Ticket, blog::models::BlogPost])"), "{main}");
    let views = fs::read_to_string(project.join("src/blog/views.rs")).unwrap();
    assert!(views.contains("use super::models::{BlogPost, BlogPostForm, blog_posts};"), "{views}");
    for (path, content) in snapshot(&project) {
        let text = String::from_utf8(content.unwrap_or_default()).unwrap();
        assert!(!text.contains("__"), "a name was not replaced in {}", path.display());
    }
    let before = snapshot(&project);
    assert!(fail(&project, &["startapp", "shop", "--model", "hat"]).contains("for example: BlogPost"));
    assert!(fail(&project, &["startapp", "shop", "--model", "User"]).contains("something else"));
    assert_eq!(snapshot(&project), before);
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
    assert!(error.contains(".models(models![blog::models::Item])"), "{error}");
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
fn without_a_list_of_models_the_line_is_printed() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let main = fs::read_to_string(project.join("src/main.rs")).unwrap();
    fs::write(project.join("src/main.rs"), main.replace(".models(models![])", "")).unwrap();
    let printed = succeed(&project, &["startapp", "blog"]);
    assert!(printed.contains("App::models(models![blog::models::Item])"), "{printed}");
}
