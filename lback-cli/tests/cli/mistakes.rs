//! What the compiler says of mistakes in models, choices and forms.
//!
//! Each file in `tests/mistakes` is a program with one mistake, and the text beside it is what the compiler says.
//! `UPDATE_MISTAKES=1 cargo test -p lback-cli mistakes` writes these texts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{folder, lback, project};

#[test]
fn the_compiler_explains_mistakes_in_models() {
    let folder = folder();
    let project = project(folder.path(), "mistakes");
    let programs = project.join("src/bin");
    fs::create_dir_all(&programs).unwrap();
    for (name, path) in cases() {
        fs::copy(path, programs.join(format!("{name}.rs"))).unwrap();
    }
    let mut said = said_by_the_compiler(&project);
    let mut wrong = Vec::new();
    for (name, path) in cases() {
        let said = said.remove(&name).unwrap_or_else(|| panic!("{name} compiles"));
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_MISTAKES").is_some() {
            fs::write(expected, said).unwrap();
        } else if fs::read_to_string(expected).unwrap_or_default() != said {
            wrong.push(format!("{name}:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "the compiler says something else of these:\n{}", wrong.join("\n"));
}

/// Returns the programs by name.
fn cases() -> BTreeMap<String, PathBuf> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")).unwrap();
    let programs = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    programs.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect()
}

/// Builds all programs of a project, and returns what the compiler says of each.
fn said_by_the_compiler(project: &Path) -> BTreeMap<String, String> {
    let mut cargo = Command::new("cargo");
    // With the build output of the other projects, which use the same crates.
    for (name, value) in lback(project, &[]).get_envs() {
        if let Some(value) = value {
            cargo.env(name, value);
        }
    }
    // Without it, the compiler stops at the first error of some programs.
    cargo.env("CARGO_INCREMENTAL", "1");
    cargo.args(["build", "--bins", "--keep-going", "--message-format=json", "--quiet"]).current_dir(project);
    let output = cargo.output().unwrap();
    let mut errors: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut message: Value = serde_json::from_str(line).unwrap();
        let error = message["message"].take();
        if error["level"] == "error" && error["spans"].as_array().is_some_and(|spans| !spans.is_empty()) {
            errors.entry(message["target"]["name"].as_str().unwrap().to_owned()).or_default().push(error);
        }
    }
    errors.into_iter().map(|(name, errors)| (name, first(&errors))).collect()
}

/// Returns the first error, and whether others follow from it.
fn first(errors: &[Value]) -> String {
    let others = if errors.len() > 1 { "and errors that follow from it\n" } else { "" };
    explanation(&errors[0]) + others
}

/// Returns the parts of an error that we write: the message, its place, the label there, and notes. Lines of the compiler's own, such
/// as the list of the types that implement a trait, change with its versions.
fn explanation(error: &Value) -> String {
    let mut text = format!("error: {}\n", error["message"].as_str().unwrap());
    for span in error["spans"].as_array().unwrap().iter().filter(|span| span["is_primary"] == true) {
        let source = &span["text"][0];
        let characters: Vec<char> = source["text"].as_str().unwrap_or_default().chars().collect();
        let (from, to) = (source["highlight_start"].as_u64().unwrap_or(1), source["highlight_end"].as_u64().unwrap_or(1));
        let at: String = characters[from as usize - 1..to as usize - 1].iter().collect();
        text.push_str(&format!("  at {}:{}: {at}\n", span["line_start"], span["column_start"]));
        if let Some(label) = span["label"].as_str().filter(|label| !label.is_empty() && ours(label)) {
            text.push_str(&format!("  {label}\n"));
        }
    }
    for child in error["children"].as_array().unwrap() {
        let message = child["message"].as_str().unwrap();
        if ["note", "help"].contains(&child["level"].as_str().unwrap()) && ours(message) {
            text.push_str(&format!("  {}: {}\n", child["level"].as_str().unwrap(), message.replace('\n', "\n  ")));
        }
    }
    text
}

/// Returns whether a label or a note is not one of the compiler's lists and hints, which change with its versions.
fn ours(note: &str) -> bool {
    !["the trait", "unsatisfied trait", "the following", "the full name", "consider using", "required "]
        .iter()
        .any(|begin| note.starts_with(begin))
}
