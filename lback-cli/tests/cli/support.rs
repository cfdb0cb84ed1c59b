//! Runs the command in a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Creates an empty folder, which is removed at the end of the test.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("lback-cli-").tempdir().unwrap()
}

/// Returns the command, to be run in `folder`. Build output is kept, so that repeated test runs can reuse it.
pub fn lback(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lback"));
    command.args(arguments).current_dir(folder).env_remove("LBACK_CHECKOUT").env_remove("LBACK_ENV").env_remove("LBACK_ROOT");
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/scaffold"));
    command
}

/// Runs the command, which must succeed, and returns its standard output.
pub fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = lback(folder, arguments).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "lback {arguments:?} failed:\n{out}{err}");
    out
}

/// Runs the command, which must fail, and returns its standard error.
pub fn fail(folder: &Path, arguments: &[&str]) -> String {
    fail_of(&mut lback(folder, arguments))
}

/// Like [`fail`], for a prepared command, such as one with its own environment.
pub fn fail_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{command:?} succeeded");
    assert!(err.starts_with("error: "), "{err}");
    assert!(!err.contains('\u{1b}'), "the output has colours, although it is not a terminal: {err:?}");
    err
}

/// Creates a project.
pub fn project(folder: &Path, name: &str) -> PathBuf {
    succeed(folder, &["startproject", name]);
    folder.join(name)
}

/// Returns every file below `folder` with its content, and every folder.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(snapshot(&path));
            found.insert(path, None);
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, Some(content));
        }
    }
    found
}
