//! What a new project holds, and where it is not made.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{fail, fail_of, folder, lback, project, snapshot, succeed};

#[test]
fn a_project_is_complete() {
    let folder = folder();
    let said = succeed(folder.path(), &["startproject", "mysite"]);
    assert!(said.contains("\n  cd mysite\n  lback runserver\n"), "{said}");
    let project = folder.path().join("mysite");

    let files = snapshot(&project);
    let found: BTreeSet<String> = files
        .iter()
        .filter(|(_, content)| content.is_some())
        .map(|(path, _)| path.strip_prefix(&project).unwrap().to_str().unwrap().replace('\\', "/"))
        .collect();
    let wanted = [
        ".dockerignore",
        ".env",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "Dockerfile",
        "README.md",
        "build.rs",
        "migrations/.gitkeep",
        "rustfmt.toml",
        "settings.production.toml",
        "settings.toml",
        "src/main.rs",
        "src/tests.rs",
        "src/urls.rs",
        "src/views.rs",
        "static/icon.svg",
        "static/style.css",
        "templates/404.html",
        "templates/500.html",
        "templates/base.html",
        "templates/index.html",
    ];
    assert_eq!(found, wanted.map(str::to_owned).into());
    for (path, content) in files {
        let text = String::from_utf8(content.unwrap_or_default()).unwrap();
        assert!(!["__NAME__", "__LBACK__", "__SECRET"].iter().any(|pattern| text.contains(pattern)), "{}", path.display());
    }
    let entries: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(entries.len(), 1, "something was left beside the project");
}

#[test]
fn each_project_has_a_secret_key_of_its_own() {
    let folder = folder();
    let key = |name: &str| {
        let project = project(folder.path(), name);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(project.join(".env")).unwrap().permissions()) & 0o777, 0o600);
        let text = fs::read_to_string(project.join(".env")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("SECRET_KEY=").map(str::to_owned)).unwrap()
    };
    let (one, two) = (key("one"), key("two"));
    assert_eq!(one.len(), 96);
    assert!(one.chars().all(|c| c.is_ascii_hexdigit()));
    assert_ne!(one, two);
}

#[test]
fn nothing_is_overwritten() {
    let folder = folder();
    project(folder.path(), "mysite");
    fs::write(folder.path().join("file"), "mine").unwrap();
    let before = snapshot(folder.path());

    assert!(fail(folder.path(), &["startproject", "mysite"]).contains("mysite is not empty"));
    assert!(fail(folder.path(), &["startproject", "other", "mysite"]).contains("mysite is not empty"));
    assert!(fail(folder.path(), &["startproject", "other", "."]).contains("is not empty"));
    assert!(fail(folder.path(), &["startproject", "file"]).contains("file exists already, and is not a folder"));
    assert!(fail(folder.path(), &["startproject", "other", "file/below"]).contains("file"));
    assert!(fail(folder.path(), &["startproject", "other", "nowhere/below"]).contains("mkdir -p nowhere"));
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn an_empty_folder_and_a_repository_can_take_a_project() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("here/.git")).unwrap();
    let here = folder.path().join("here");
    let said = succeed(&here, &["startproject", "mysite", "."]);
    assert!(said.contains("\n  lback runserver\n") && !said.contains("cd "), "{said}");
    assert!(here.join("src/main.rs").is_file());
    let said = succeed(folder.path(), &["startproject", "mysite", "a folder's name"]);
    #[cfg(unix)]
    assert!(said.contains("  cd 'a folder'\\''s name'\n"), "{said}");
    let hidden: BTreeSet<_> = fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!hidden.iter().any(|name| name.to_str().unwrap().starts_with(".lback")), "{hidden:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_is_an_error_that_says_so() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(locked.join("probe"), "").is_ok() {
        return; // The administrator may write anywhere.
    }
    let error = fail(&locked, &["startproject", "mysite"]);
    assert!(error.contains("You may not write there"), "{error}");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_checkout_is_depended_on_by_path() {
    let folder = folder();
    let manifest = fs::read_to_string(project(folder.path(), "mysite").join("Cargo.toml")).unwrap();
    let lback_folder = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../lback")).unwrap();
    assert!(manifest.contains(&format!("lback = {{ path = {:?} }}", lback_folder.to_str().unwrap())), "{manifest}");
    assert!(manifest.contains("\n[workspace]\n"));

    let error = fail_of(lback(folder.path(), &["startproject", "other"]).env("LBACK_CHECKOUT", folder.path()));
    assert!(error.contains("is no checkout of Lback"), "{error}");
    assert!(!folder.path().join("other").exists());
}
