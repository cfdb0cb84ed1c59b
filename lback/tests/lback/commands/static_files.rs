//! `collectstatic`, and what `check` says of static files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{project, run};

fn site() -> TempDir {
    let project = project("");
    for (path, content) in [("style.css", "body {}"), ("js/app.js", "run()"), ("js/app.js.gz", "gzip"), (".hidden", "secret")] {
        let path = project.path().join("static").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    project
}

/// Every file below `folder`, with what is in it.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, content)| (format!("{name}/{below}"), content)));
        } else {
            found.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    found
}

#[test]
fn collectstatic_copies_each_file_under_both_names() {
    let project = site();
    let said = run(&project, "collectstatic");
    let target = project.path().join("staticfiles");
    assert!(said.contains(&format!("copied 6 files to {}\n", target.display())), "{said}");
    let expected = [
        ("js/app.02fcae88.js", "run()"),
        ("js/app.02fcae88.js.gz", "gzip"),
        ("js/app.js", "run()"),
        ("js/app.js.gz", "gzip"),
        ("style.62368a1a.css", "body {}"),
        ("style.css", "body {}"),
    ];
    let collected = files(&target);
    assert_eq!(collected, expected.map(|(name, content)| (name.to_owned(), content.to_owned())).into());

    // What is the same stays, and so does what belongs to the pages of an earlier release.
    assert!(run(&project, "collectstatic").contains("copied 0 files") && files(&target) == collected);
    fs::write(project.path().join("static/style.css"), "body { }").unwrap();
    let said = run(&project, "collectstatic");
    assert!(said.contains("copied 2 files") && said.contains("; 4 were unchanged"), "{said}");
    let now = files(&target);
    assert_eq!((now.len(), now["style.css"].as_str(), now["style.62368a1a.css"].as_str()), (7, "body { }", "body {}"));
}

#[cfg(unix)]
#[test]
fn another_server_can_read_what_was_collected() {
    use std::os::unix::fs::PermissionsExt;
    let project = site();
    let style = project.path().join("static/style.css");
    fs::set_permissions(style, fs::Permissions::from_mode(0o644)).unwrap();
    run(&project, "collectstatic");
    let mode = fs::metadata(project.path().join("staticfiles/style.css")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn collectstatic_takes_another_folder_and_refuses_one_that_would_mix() {
    let project = site();
    assert!(run(&project, "collectstatic elsewhere/static").contains("copied 6 files"));
    assert!(project.path().join("elsewhere/static/js/app.js").is_file());
    let before = files(&project.path().join("static"));
    for folder in ["static", "static/collected", "static/../static/js", "."] {
        let refused = run(&project, &format!("collectstatic {folder}"));
        assert!(refused.contains("ended with: ") && refused.contains("must not contain each other"), "{refused}");
    }
    assert_eq!(files(&project.path().join("static")), before);
    assert!(!project.path().join("style.css").exists());
    fs::remove_dir_all(project.path().join("static")).unwrap();
    let missing = run(&project, "collectstatic");
    assert!(missing.contains("ended with: the folder ") && missing.contains("STATIC_DIR"), "{missing}");
}

#[test]
fn check_names_static_files_that_are_missing() {
    let project = site();
    run(&project, "migrate");
    fs::create_dir(project.path().join("templates")).unwrap();
    let page =
        "{{ static(path=\"style.css\") }}{{ static(path=\"/js/app.js\") }}\n{{ static(path=\"styl.css\") }}{{ static(path=\".hidden\") }}";
    fs::write(project.path().join("templates/page.html"), page).unwrap();
    let broken = run(&project, "check");
    assert!(broken.contains("page.html:2 \"styl.css\", page.html:2 \".hidden\"") && !broken.contains("page.html:1"), "{broken}");
    fs::write(project.path().join("static/styl.css"), "").unwrap();
    fs::write(project.path().join("templates/page.html"), page.replace(".hidden", "style.css")).unwrap();
    assert!(run(&project, "check").contains("ok    static files in templates"));
}
