//! Watches the project's files by polling, which works on every file system and is fast for the few files of a project.
//! Static files are not watched, and templates matter only to a program that does not start: a running program reads them
//! again itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::settings::Settings;

/// The kind of a change, ordered by the work that it causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A template or a migration. If the program has not started, restart it, because the change may fix it.
    ReadAtStart,
    /// A settings file. Restart the program.
    Settings,
    /// Source code. Build the project, and start the new program.
    Source,
}

/// The watched files, and their state at the last poll.
pub struct Watch {
    root: PathBuf,
    /// Other files that the last build has read, in the project or outside of it: other crates and included files.
    elsewhere: BTreeSet<PathBuf>,
    /// The folders of templates and migrations.
    read_at_start: Vec<PathBuf>,
    known: Files,
    /// The state after a change that more changes may follow.
    unsettled: Option<Files>,
}

type Files = BTreeMap<PathBuf, State>;

/// The properties of a file that show whether it has changed or was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    change: Change,
    length: u64,
    modified: Option<SystemTime>,
    number: u64,
}

impl Watch {
    /// Starts watching the project in `root`.
    pub fn new(root: &Path) -> Self {
        let mut watch = Watch {
            root: root.to_owned(),
            elsewhere: BTreeSet::new(),
            read_at_start: read_at_start(root),
            known: Files::new(),
            unsettled: None,
        };
        watch.known = watch.scan();
        watch
    }

    /// Returns the change since the last returned one and one of the changed files, once two consecutive calls have found the
    /// same state.
    pub fn change(&mut self) -> Option<(Change, PathBuf)> {
        let files = self.scan();
        if files == self.known {
            self.unsettled = None;
            return None;
        }
        if self.unsettled.as_ref() != Some(&files) {
            self.unsettled = Some(files);
            return None;
        }
        self.unsettled = None;
        let known = std::mem::replace(&mut self.known, files);
        let states = |path: &PathBuf| [known.get(path).copied(), self.known.get(path).copied()];
        let changed = self.known.keys().chain(known.keys()).filter_map(|path| match states(path) {
            [before, now] if before != now => Some((now.or(before)?.change, path)),
            _ => None,
        });
        let (change, path) = changed.max_by_key(|(change, _)| *change)?;
        let path = path.strip_prefix(&self.root).unwrap_or(path).to_owned();
        if change == Change::Settings {
            self.follow_settings();
        }
        Some((change, path))
    }

    /// Watches the folder of templates that the settings name now. Its files do not count as changed.
    fn follow_settings(&mut self) {
        self.read_at_start = read_at_start(&self.root);
        let files = self.scan();
        self.known.retain(|path, state| state.change != Change::ReadAtStart || files.contains_key(path));
        for (path, state) in files.into_iter().filter(|(_, state)| state.change == Change::ReadAtStart) {
            self.known.entry(path).or_insert(state);
        }
    }

    /// Watches the files that the build of `executable` has read, which cargo lists in a file next to the program. Migrations
    /// are excluded, because they would be applied half written: they wait for `lback migrate` or the next start. Files that
    /// the build has generated are excluded as well.
    pub fn built(&mut self, executable: &Path) {
        let list = fs::read_to_string(executable.with_extension("d")).unwrap_or_default();
        let inputs = list.lines().filter_map(|line| Some(line.split_once(": ")?.1)).flat_map(inputs);
        let generated = executable.parent().unwrap_or(executable);
        let others = [self.root.join("src"), self.root.join("migrations"), generated.to_owned()];
        let mut elsewhere: BTreeSet<PathBuf> = inputs.filter(|path| !others.iter().any(|folder| path.starts_with(folder))).collect();
        let manifests: BTreeSet<PathBuf> = elsewhere.iter().chain([&self.root]).flat_map(|path| manifests(path)).collect();
        elsewhere.extend(manifests);
        let before = std::mem::replace(&mut self.elsewhere, elsewhere);
        // A file does not count as changed because watching it starts or ends.
        for path in self.elsewhere.difference(&before) {
            if let Some(state) = state(path, Change::Source) {
                self.known.entry(path.clone()).or_insert(state);
            }
        }
        let files = self.scan();
        self.known.retain(|path, _| files.contains_key(path) || self.elsewhere.contains(path) || !before.contains(path));
    }

    fn scan(&self) -> Files {
        let mut files = Files::new();
        let mut seen = BTreeSet::new();
        for folder in &self.read_at_start {
            add_folder(&mut files, folder, Change::ReadAtStart, &mut seen);
        }
        for folder in ["src", ".cargo"] {
            add_folder(&mut files, &self.root.join(folder), Change::Source, &mut seen);
        }
        let settings = fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| is_settings(path));
        for path in settings {
            add(&mut files, path, Change::Settings);
        }
        let fixed = ["Cargo.toml", "build.rs", "rust-toolchain", "rust-toolchain.toml"].map(|name| self.root.join(name));
        for path in fixed.into_iter().chain(self.elsewhere.iter().cloned()) {
            add(&mut files, path, Change::Source);
        }
        files
    }
}

fn read_at_start(root: &Path) -> Vec<PathBuf> {
    let templates = Settings::of(root).value("TEMPLATES_DIR").unwrap_or_else(|| "templates".to_owned());
    vec![root.join(templates), root.join("migrations")]
}

/// Returns the `Cargo.toml` of the package that a file belongs to, and of the workspace around it.
fn manifests(path: &Path) -> Vec<PathBuf> {
    let folders = path.ancestors().skip(1).filter(|folder| folder.parent().is_some());
    folders.map(|folder| folder.join("Cargo.toml")).filter(|manifest| manifest.is_file()).collect()
}

/// Returns the paths in a line of cargo's list. Spaces within a path are escaped with a backslash.
fn inputs(line: &str) -> Vec<PathBuf> {
    line.replace("\\ ", "\0").split(' ').filter(|path| !path.is_empty()).map(|path| PathBuf::from(path.replace('\0', " "))).collect()
}

fn is_settings(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == ".env" || (name.starts_with("settings.") && name.ends_with(".toml"))
}

/// Adds the files in a folder and its subfolders, and follows links to folders. Folders that were `seen` already are skipped,
/// because links may form a cycle.
fn add_folder(files: &mut Files, folder: &Path, change: Change, seen: &mut BTreeSet<PathBuf>) {
    let Ok(real) = fs::canonicalize(folder) else { return };
    if !seen.insert(real) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if is_leftover(&path) {
            continue;
        }
        if path.is_dir() {
            add_folder(files, &path, change, seen);
        } else {
            add(files, path, change);
        }
    }
}

/// Returns whether a file is hidden, or a temporary file or backup of an editor.
fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || name.starts_with('#') || [".swp", ".bak", ".orig", ".tmp", "~"].iter().any(|ending| name.ends_with(ending))
}

fn add(files: &mut Files, path: PathBuf, change: Change) {
    if let Some(state) = state(&path, change) {
        files.insert(path, state);
    }
}

fn state(path: &Path, change: Change) -> Option<State> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(State { change, length: found.len(), modified: found.modified().ok(), number: number(&found) })
}

/// Returns the file's inode number, which changes if the file is replaced with another one.
#[cfg(unix)]
fn number(file: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests;
