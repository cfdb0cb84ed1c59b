//! The tutorial works exactly as it is written, and `docs/helpdesk` is what its readers end up with.
//!
//! Both tests make a project and apply the chapters to it, block by block. `UPDATE_HELPDESK=1 cargo test -p lback-cli tutorial`
//! writes the result to `docs/helpdesk`, after a change to a chapter or to the files of a new project.

mod edit;
mod steps;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{folder, snapshot};
use crate::transcripts::{is_shown, printed, without_times};
use edit::Edit;
use steps::{Step, steps};

/// Applies all edits, without building the project. So the migrations of its models, which its program writes, are missing.
#[test]
fn following_the_tutorial_gives_the_helpdesk() {
    let folder = folder();
    let project = follow(folder.path(), |line, here| {
        let needs_no_build = ["lback start", "cargo add"].iter().any(|begin| line.starts_with(begin)) || line.ends_with(" --empty");
        needs_no_build.then(|| printed(line, here))
    });
    assert_same(&project, |file| !file.starts_with("migrations/"));
}

/// Builds the project in each chapter, and runs what the chapter shows.
#[test]
fn the_tutorial_shows_what_is_printed() {
    let folder = folder();
    let project = follow(folder.path(), |line, here| Some(printed(line, here)));
    let formatted = std::process::Command::new("cargo").args(["fmt", "--check"]).current_dir(&project).output().unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
    assert_same(&project, |_| true);
}

/// Compares some files of the tutorial's project with those of `docs/helpdesk`.
fn assert_same(project: &Path, is_compared: impl Fn(&str) -> bool) {
    let some = |folder: &Path| -> BTreeMap<String, String> { files(folder).into_iter().filter(|(name, _)| is_compared(name)).collect() };
    if std::env::var_os("UPDATE_HELPDESK").is_some() {
        update(some(project));
    }
    let (followed, kept) = (some(project), some(&helpdesk()));
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&followed), names(&kept), "the files of the tutorial, and those of docs/helpdesk");
    for (name, text) in &followed {
        assert_eq!(text, &kept[name], "{name}: the tutorial's, and that of docs/helpdesk");
    }
    assert_eq!(dependencies(project), dependencies(&helpdesk()));
}

/// Does what the chapters say, below `folder`, and returns the project. `run` returns what a command prints, or `None` if the command
/// is not to be run.
fn follow(folder: &Path, run: impl Fn(&str, &Path) -> Option<String>) -> PathBuf {
    let mut here = folder.to_owned();
    let mut wrong = Vec::new();
    for path in chapters() {
        let chapter = path.file_name().unwrap().to_string_lossy().into_owned();
        for step in steps(&chapter, &fs::read_to_string(&path).unwrap()) {
            match step {
                Step::Edit(edit) => apply(&here, &edit),
                Step::Console(block) => {
                    let (mut real, mut was_run) = (String::new(), true);
                    for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
                        real.push_str(&format!("$ {line}\n"));
                        match line.strip_prefix("cd ") {
                            Some(to) => here = here.join(to),
                            None => match run(line, &here) {
                                Some(text) => real.push_str(&text),
                                None => was_run = false,
                            },
                        }
                    }
                    if was_run && !is_shown(&block, &real) {
                        wrong.push(format!("docs/src/tutorial/{chapter} should show:\n{real}"));
                    }
                }
            }
        }
        // A chapter ends with a project that works.
        if let Some(checked) = run("lback check", &here) {
            assert!(!checked.contains("error: "), "after docs/src/tutorial/{chapter}: {checked}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    here
}

fn apply(project: &Path, edit: &Edit) {
    let path = project.join(in_project(project, &edit.file));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).unwrap();
    }
    let before = fs::read_to_string(&path).unwrap_or_default();
    let after = edit.apply(&before).unwrap_or_else(|problem| panic!("{edit}: {problem}\nThe file is:\n{before}"));
    fs::write(path, after).unwrap();
}

/// The folder of a migration begins with the time at which it was made.
fn in_project(project: &Path, file: &str) -> String {
    let Some((folder, name)) = file.strip_prefix("migrations/").and_then(|rest| rest.split_once('/')) else { return file.to_owned() };
    let made = fs::read_dir(project.join("migrations")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let made = made.into_iter().find(|made| without_times(made) == without_times(folder));
    format!("migrations/{}/{name}", made.unwrap_or_else(|| panic!("there is no migration {folder}")))
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn helpdesk() -> PathBuf {
    docs().join("helpdesk")
}

fn chapters() -> Vec<PathBuf> {
    let mut chapters: Vec<PathBuf> = fs::read_dir(docs().join("src/tutorial")).unwrap().map(|entry| entry.unwrap().path()).collect();
    // 10 comes after 9.
    let number = |path: &Path| path.file_name()?.to_str()?.split('-').next()?.parse::<u32>().ok();
    chapters.sort_by_key(|path| number(path));
    chapters
}

/// The files that both projects have, by name. `docs/helpdesk` is a member of the workspace and lacks what belongs to a project that stands
/// alone.
fn files(project: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (path, content) in snapshot(project) {
        let name = path.strip_prefix(project).unwrap().to_str().unwrap().replace('\\', "/");
        let is_kept = ["src/", "templates/", "static/", "migrations/"].iter().any(|folder| name.starts_with(folder))
            || ["settings.toml", "settings.production.toml", "build.rs", "rustfmt.toml"].contains(&name.as_str());
        if let Some(content) = content.filter(|_| is_kept && name != "migrations/.gitkeep") {
            files.insert(without_times(&name), String::from_utf8(content).unwrap());
        }
    }
    files
}

/// The dependencies in the manifest, with the source of Lback left out.
fn dependencies(project: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").take_while(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with('#')).map(|line| match line.split_once("path = ") {
        Some((before, path)) => format!("{before}workspace = true,{}", path.split_once(',').map_or("", |(_, rest)| rest)),
        None => line.to_owned(),
    });
    lines.collect()
}

/// Makes the files of `docs/helpdesk` those of the project.
fn update(files: BTreeMap<String, String>) {
    let times: BTreeMap<String, String> = snapshot(&helpdesk().join("migrations"))
        .into_keys()
        .map(|path| path.strip_prefix(helpdesk()).unwrap().to_str().unwrap().to_owned())
        .map(|name| (without_times(&name), name))
        .collect();
    for (name, text) in files {
        let path = helpdesk().join(times.get(&name).unwrap_or(&name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
