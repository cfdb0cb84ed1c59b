//! `lback startproject`: the files of a project, and the errors.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{fail, fail_of, folder, lback, project, snapshot, succeed};

#[test]
fn a_project_has_all_files() {
    let folder = folder();
    let printed = succeed(folder.path(), &["startproject", "mysite"]);
    assert!(printed.contains("\n  cd mysite\n  lback runserver\n"), "{printed}");
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
        assert!(!text.contains("__"), "a name was not replaced in {}", path.display());
    }
    let entries: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(entries.len(), 1, "another file or folder was left next to the project");
}

#[test]
fn users_are_set_up_with_auth_and_explained_without() {
    let folder = folder();
    let printed = succeed(folder.path(), &["startproject", "members", "--auth"]);
    assert!(printed.contains("\n  lback migrate\n  lback createsuperuser\n  lback runserver\n"), "{printed}");
    succeed(folder.path(), &["startproject", "plain"]);
    let file = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(file("members/Cargo.toml").contains(", features = [\"accounts\", \"admin\"] }\n"), "{}", file("members/Cargo.toml"));
    assert!(file("members/src/main.rs").contains(".auth().accounts().mail().admin()\n"), "{}", file("members/src/main.rs"));
    assert!(file("members/README.md").contains("lback createsuperuser") && file("members/templates/base.html").contains("account:login"));
    assert!(file("members/templates/base.html").contains("admin/acting.html") && !file("plain/templates/base.html").contains("admin/"));
    for (path, content) in snapshot(&folder.path().join("members")) {
        let text = String::from_utf8(content.unwrap_or_default()).unwrap();
        assert!(!text.contains("__"), "a name was not replaced in {}", path.display());
    }
    for (name, hint) in [("Cargo.toml", "accounts"), ("src/main.rs", "`.auth().accounts().mail().admin()`"), ("README.md", "--auth")] {
        let text = file(&format!("plain/{name}"));
        let lines = text.lines().filter(|line| line.contains(hint));
        assert_eq!(lines.filter(|line| !line.starts_with("lback = ")).count(), 1, "{text}");
    }
    assert!(!folder.path().join("plain/templates/account").exists());

    succeed(folder.path(), &["startproject", "both", "--auth", "--db", "postgres"]);
    assert!(file("both/Cargo.toml").contains("default-features = false, features = [\"accounts\", \"admin\", \"postgres\"] }"));
    // The routes of an app are added after the last route.
    succeed(&folder.path().join("members"), &["startapp", "blog"]);
    let urls = file("members/src/urls.rs");
    assert!(urls.contains(".name(\"index\")\n        .include(\"/blog\", crate::blog::urls::urls()).name(\"blog\")\n}\n"), "{urls}");
}

#[test]
fn a_postgresql_project_never_mentions_sqlite() {
    let folder = folder();
    let printed = succeed(folder.path(), &["startproject", "mysite", "--db", "postgres"]);
    assert!(printed.contains("CREATE USER mysite") && printed.contains("createdb --owner=mysite mysite"), "{printed}");
    let project = folder.path().join("mysite");
    let file = |name: &str| fs::read_to_string(project.join(name)).unwrap();
    assert!(file("Cargo.toml").contains("default-features = false, features = [\"models\", \"postgres\"] }"), "{}", file("Cargo.toml"));
    assert!(file(".env").contains("\nDATABASE_URL=postgres://mysite:mysite@localhost/mysite\n"));
    assert!(file("Dockerfile").contains("libpq-dev") && file("Dockerfile").contains("libpq5"));
    for (path, content) in snapshot(&project) {
        let text = String::from_utf8(content.unwrap_or_default()).unwrap();
        assert!(!text.contains("__"), "a name was not replaced in {}", path.display());
        let is_exempt = path.ends_with("Cargo.lock") || path.to_string_lossy().ends_with("ignore");
        assert!(is_exempt || !text.to_lowercase().contains("sqlite"), "{}", path.display());
    }
    assert!(fail(folder.path(), &["startproject", "other", "--db", "oracle"]).contains("postgres"));
}

/// In a container, connections from the proxy come from the container network.
#[test]
fn an_image_trusts_the_proxy_in_the_container_network() {
    let folder = folder();
    for (name, database) in [("one", "sqlite"), ("two", "postgres")] {
        succeed(folder.path(), &["startproject", name, "--db", database]);
        let file = |path: &str| fs::read_to_string(folder.path().join(name).join(path)).unwrap();
        assert!(file("settings.production.toml").contains("\nTRUSTED_PROXIES = [\"private\"]\n"));
        assert!(file("README.md").contains("-p 127.0.0.1:8000:8000") && file("README.md").contains(&format!("-v {name}:/data")));
        let dockerfile = file("Dockerfile");
        for part in [" HOST=0.0.0.0", " MEDIA_DIR=/data/media", "ca-certificates", "VOLUME /data", "USER app\n", "exec ./"] {
            assert!(dockerfile.contains(part), "{part}: {dockerfile}");
        }
        // Copied files exist, and secrets are not copied.
        for path in ["settings.toml", "settings.production.toml", "templates", "static"] {
            assert!(folder.path().join(name).join(path).exists() && dockerfile.contains(path), "{path}: {dockerfile}");
        }
        assert!(file(".dockerignore").lines().any(|line| line == ".env"));
    }
}

#[test]
fn each_project_has_its_own_secret_key() {
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
fn existing_files_are_not_overwritten() {
    let folder = folder();
    project(folder.path(), "mysite");
    fs::write(folder.path().join("file"), "mine").unwrap();
    let before = snapshot(folder.path());

    assert!(fail(folder.path(), &["startproject", "mysite"]).contains("mysite is not empty"));
    assert!(fail(folder.path(), &["startproject", "other", "mysite"]).contains("mysite is not empty"));
    assert!(fail(folder.path(), &["startproject", "other", "."]).contains("is not empty"));
    assert!(fail(folder.path(), &["startproject", "file"]).contains("file already exists, and is not a folder"));
    assert!(fail(folder.path(), &["startproject", "other", "file/below"]).contains("file"));
    assert!(fail(folder.path(), &["startproject", "other", "nowhere/below"]).contains("mkdir -p nowhere"));
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn an_empty_folder_and_a_repository_are_accepted() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("here/.git")).unwrap();
    let here = folder.path().join("here");
    let printed = succeed(&here, &["startproject", "mysite", "."]);
    assert!(printed.contains("\n  lback runserver\n") && !printed.contains("cd "), "{printed}");
    assert!(here.join("src/main.rs").is_file());
    let printed = succeed(folder.path(), &["startproject", "mysite", "a folder's name"]);
    #[cfg(unix)]
    assert!(printed.contains("  cd 'a folder'\\''s name'\n"), "{printed}");
    let hidden: BTreeSet<_> = fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!hidden.iter().any(|name| name.to_str().unwrap().starts_with(".lback")), "{hidden:?}");
}

#[cfg(unix)]
#[test]
fn missing_write_permission_is_reported() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(locked.join("probe"), "").is_ok() {
        return; // The superuser may write anywhere.
    }
    let error = fail(&locked, &["startproject", "mysite"]);
    assert!(error.contains("You have no permission to write there"), "{error}");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_checkout_is_a_path_dependency() {
    let folder = folder();
    let manifest = fs::read_to_string(project(folder.path(), "mysite").join("Cargo.toml")).unwrap();
    let lback_folder = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../lback")).unwrap();
    assert!(manifest.contains(&format!("lback = {{ path = {:?} }}", lback_folder.to_str().unwrap())), "{manifest}");
    assert!(manifest.contains("\n[workspace]\n"));

    let error = fail_of(lback(folder.path(), &["startproject", "other"]).env("LBACK_CHECKOUT", folder.path()));
    assert!(error.contains("is not a checkout of Lback"), "{error}");
    assert!(!folder.path().join("other").exists());
}
