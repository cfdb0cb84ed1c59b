//! Invalid names, and the suggested ones.

use crate::support::{fail, folder, project, snapshot, succeed};

#[test]
fn invalid_project_names_are_rejected() {
    let folder = folder();
    for (name, reason, suggested) in [
        ("match", "keyword", "my_match"),
        ("test", "taken", "my_test"),
        ("core", "taken", "my_core"),
        ("std", "taken", "my_std"),
        ("serde", "taken", "my_serde"),
        ("lback", "taken", "my_lback"),
        ("lback-shop", "taken", "my_lback-shop"),
        ("9lives", "begin with a letter", "lives"),
        ("café", "character 'é'", "caf"),
        ("Shop", "capital letter S", "shop"),
        ("my shop", "character ' '", "my_shop"),
        ("a/b", "path", "b"),
        ("../up", "path", "up"),
        ("..", "character '.'", "mysite"),
        ("日本", "character", "mysite"),
    ] {
        let error = fail(folder.path(), &["startproject", name]);
        assert!(error.contains(reason), "{name}: {error}");
        assert!(error.contains("lower-case letters, digits, - and _"), "{name}: {error}");
        assert!(error.trim_end().ends_with(&format!("for example: {suggested}")), "{name}: {error}");
    }
    fail(folder.path(), &["startproject", ""]);
    fail(folder.path(), &["startproject", "--", "-x"]);
    assert!(fail(folder.path(), &["startproject", &"x".repeat(65)]).contains("longer than 64"));
    assert!(snapshot(folder.path()).is_empty());
}

#[test]
fn suggested_names_are_accepted() {
    let folder = folder();
    for name in ["my_match", "my_lback-shop", "caf"] {
        succeed(folder.path(), &["new", name]);
    }
}

#[test]
fn invalid_app_names_are_rejected() {
    let folder = folder();
    let project = project(folder.path(), "mysite");
    let before = snapshot(&project);
    for name in ["views", "urls", "main", "tests", "type", "my-blog", "Blog", "a/b", "diesel", "serde", "lback", "1st", "ü"] {
        let error = fail(&project, &["startapp", name]);
        assert!(error.contains("cannot be the name of an app"), "{name}: {error}");
    }
    assert_eq!(snapshot(&project), before);
}
