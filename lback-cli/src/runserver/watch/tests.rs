use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Change, Watch};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn project() -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in ["Cargo.toml", "settings.toml", "src/main.rs", "templates/a.html", "migrations/1_a/up.sql"] {
        write(&folder.path().join(file), "");
    }
    folder
}

/// Polls twice, and returns the change.
fn polled(watch: &mut Watch) -> Option<(Change, String)> {
    watch.change().or_else(|| watch.change()).map(|(change, path)| (change, path.display().to_string()))
}

#[track_caller]
fn assert_change(watch: &mut Watch, change: Change, path: &str) {
    assert_eq!(polled(watch), Some((change, path.to_owned())));
    assert_eq!(polled(watch), None, "a change is reported once");
}

#[test]
fn changes_are_classified_by_file() {
    let folder = project();
    let mut watch = Watch::new(folder.path());
    assert_eq!(polled(&mut watch), None);
    for (path, change) in [
        ("src/main.rs", Change::Source),
        ("src/blog/models.rs", Change::Source),
        ("Cargo.toml", Change::Source),
        ("build.rs", Change::Source),
        ("settings.toml", Change::Settings),
        ("settings.production.toml", Change::Settings),
        (".env", Change::Settings),
        ("templates/new/b.html", Change::ReadAtStart),
        ("migrations/1_a/up.sql", Change::ReadAtStart),
    ] {
        write(&folder.path().join(path), "changed");
        assert_change(&mut watch, change, path);
    }
    for path in ["src/main.rs~", "src/.main.rs.swp", "src/#main.rs#", "README.md", "static/style.css"] {
        write(&folder.path().join(path), "changed");
        assert_eq!(polled(&mut watch), None, "{path}");
    }
    // Of several changes, the one that takes the most work is reported.
    for path in ["src/main.rs", "settings.toml", "templates/a.html"] {
        write(&folder.path().join(path), "once more");
    }
    assert_change(&mut watch, Change::Source, "src/main.rs");
}

#[test]
fn the_folder_of_templates_follows_the_settings() {
    let folder = project();
    let mut watch = Watch::new(folder.path());
    write(&folder.path().join("settings.toml"), "TEMPLATES_DIR = 'pages'");
    assert_change(&mut watch, Change::Settings, "settings.toml");
    write(&folder.path().join("pages/a.html"), "changed");
    assert_change(&mut watch, Change::ReadAtStart, "pages/a.html");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_may_form_a_cycle() {
    use std::os::unix::fs::symlink;
    let (folder, elsewhere) = (project(), TempDir::new().unwrap());
    write(&elsewhere.path().join("shared/deep/mod.rs"), "");
    write(&elsewhere.path().join("one.rs"), "");
    symlink(elsewhere.path().join("shared"), folder.path().join("src/shared")).unwrap();
    symlink(elsewhere.path().join("one.rs"), folder.path().join("src/one.rs")).unwrap();
    symlink(folder.path().join("src"), folder.path().join("src/again")).unwrap();
    symlink(elsewhere.path().join("shared"), elsewhere.path().join("shared/deep/circle")).unwrap();
    symlink(elsewhere.path().join("gone"), folder.path().join("src/gone")).unwrap();
    let mut watch = Watch::new(folder.path());
    write(&elsewhere.path().join("shared/deep/mod.rs"), "changed");
    assert_change(&mut watch, Change::Source, "src/shared/deep/mod.rs");
    write(&elsewhere.path().join("one.rs"), "changed");
    assert_change(&mut watch, Change::Source, "src/one.rs");
    write(&elsewhere.path().join("shared/new.rs"), "");
    assert_change(&mut watch, Change::Source, "src/shared/new.rs");
}

#[cfg(unix)]
#[test]
fn replaced_and_removed_files_count_as_changed() {
    let folder = project();
    let main = folder.path().join("src/main.rs");
    let mut watch = Watch::new(folder.path());
    // The new file has the same length and time.
    let other = folder.path().join("src/.other");
    write(&other, "");
    let modified = fs::metadata(&main).unwrap().modified().unwrap();
    fs::File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
    fs::rename(&other, &main).unwrap();
    assert_change(&mut watch, Change::Source, "src/main.rs");
    fs::remove_file(&main).unwrap();
    assert_change(&mut watch, Change::Source, "src/main.rs");
    fs::remove_dir_all(folder.path().join("src")).unwrap();
    assert_eq!(polled(&mut watch), None);
    write(&main, "");
    assert_change(&mut watch, Change::Source, "src/main.rs");
}

#[test]
fn other_packages_are_watched_with_their_manifests() {
    let workspace = TempDir::new().unwrap();
    let root = workspace.path().join("site");
    for file in ["Cargo.toml", "site/Cargo.toml", "site/src/main.rs", "other/Cargo.toml", "other/src/lib.rs"] {
        write(&workspace.path().join(file), "");
    }
    let program = workspace.path().join("target/debug/site");
    let other = workspace.path().join("other/src/lib.rs");
    write(&program.with_extension("d"), &format!("{}: {} {}/src/main.rs", program.display(), other.display(), root.display()));
    let mut watch = Watch::new(&root);
    watch.built(&program);
    assert_eq!(polled(&mut watch), None, "newly watched files do not count as changed");
    for file in ["other/src/lib.rs", "other/Cargo.toml", "Cargo.toml"] {
        write(&workspace.path().join(file), "changed");
        let (change, path) = polled(&mut watch).unwrap();
        assert_eq!((change, Path::new(&path)), (Change::Source, workspace.path().join(file).as_path()));
    }
    watch.built(&program);
    assert_eq!(polled(&mut watch), None);
}
