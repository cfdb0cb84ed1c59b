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

/// What two looks see.
fn seen(watch: &mut Watch) -> Option<(Change, String)> {
    watch.change().or_else(|| watch.change()).map(|(change, path)| (change, path.display().to_string()))
}

#[track_caller]
fn assert_seen(watch: &mut Watch, change: Change, path: &str) {
    assert_eq!(seen(watch), Some((change, path.to_owned())));
    assert_eq!(seen(watch), None, "once");
}

#[test]
fn what_changes_says_what_to_do() {
    let folder = project();
    let mut watch = Watch::new(folder.path());
    assert_eq!(seen(&mut watch), None);
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
        assert_seen(&mut watch, change, path);
    }
    for path in ["src/main.rs~", "src/.main.rs.swp", "src/#main.rs#", "README.md", "static/style.css"] {
        write(&folder.path().join(path), "changed");
        assert_eq!(seen(&mut watch), None, "{path}");
    }
    // Of several, the one for which there is most to do.
    for path in ["src/main.rs", "settings.toml", "templates/a.html"] {
        write(&folder.path().join(path), "once more");
    }
    assert_seen(&mut watch, Change::Source, "src/main.rs");
}

#[test]
fn templates_are_where_the_settings_say() {
    let folder = project();
    let mut watch = Watch::new(folder.path());
    write(&folder.path().join("settings.toml"), "TEMPLATES_DIR = 'pages'");
    assert_seen(&mut watch, Change::Settings, "settings.toml");
    write(&folder.path().join("pages/a.html"), "changed");
    assert_seen(&mut watch, Change::ReadAtStart, "pages/a.html");
}

#[cfg(unix)]
#[test]
fn folders_and_files_that_are_linked_are_looked_at_and_a_circle_ends() {
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
    assert_seen(&mut watch, Change::Source, "src/shared/deep/mod.rs");
    write(&elsewhere.path().join("one.rs"), "changed");
    assert_seen(&mut watch, Change::Source, "src/one.rs");
    write(&elsewhere.path().join("shared/new.rs"), "");
    assert_seen(&mut watch, Change::Source, "src/shared/new.rs");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_or_removed_has_changed() {
    let folder = project();
    let main = folder.path().join("src/main.rs");
    let mut watch = Watch::new(folder.path());
    // As long, and as old.
    let other = folder.path().join("src/.other");
    write(&other, "");
    let modified = fs::metadata(&main).unwrap().modified().unwrap();
    fs::File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
    fs::rename(&other, &main).unwrap();
    assert_seen(&mut watch, Change::Source, "src/main.rs");
    fs::remove_file(&main).unwrap();
    assert_seen(&mut watch, Change::Source, "src/main.rs");
    fs::remove_dir_all(folder.path().join("src")).unwrap();
    assert_eq!(seen(&mut watch), None);
    write(&main, "");
    assert_seen(&mut watch, Change::Source, "src/main.rs");
}

#[test]
fn other_packages_are_looked_at_with_their_manifests() {
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
    assert_eq!(seen(&mut watch), None, "what is new to the list has not changed");
    for file in ["other/src/lib.rs", "other/Cargo.toml", "Cargo.toml"] {
        write(&workspace.path().join(file), "changed");
        let (change, path) = seen(&mut watch).unwrap();
        assert_eq!((change, Path::new(&path)), (Change::Source, workspace.path().join(file).as_path()));
    }
    watch.built(&program);
    assert_eq!(seen(&mut watch), None);
}
