//! The files that the project is made of, looked at again and again: that works on every file system, and for a project's
//! few files takes no time. Static files are not among them, and templates only for a program that does not start: one that
//! runs reads those anew itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::settings::Settings;

/// What to do about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A template or a migration. Start the same program again if it has not started: this may mend it.
    ReadAtStart,
    /// Start the same program again.
    Settings,
    /// Build, and start what was built.
    Source,
}

/// The files as they were when they were last looked at.
pub struct Watch {
    root: PathBuf,
    /// What the last build read that lies elsewhere in the project, or outside of it: other crates, included files.
    elsewhere: BTreeSet<PathBuf>,
    /// The folders of templates and migrations.
    read_at_start: Vec<PathBuf>,
    known: Files,
    /// A change that was seen, while more may follow.
    unsettled: Option<Files>,
}

type Files = BTreeMap<PathBuf, State>;

/// What tells that a file has changed, or another one has taken its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    change: Change,
    length: u64,
    modified: Option<SystemTime>,
    number: u64,
}

impl Watch {
    /// Over the project in `root`.
    pub fn new(root: &Path) -> Self {
        let mut watch = Watch {
            root: root.to_owned(),
            elsewhere: BTreeSet::new(),
            read_at_start: read_at_start(root),
            known: Files::new(),
            unsettled: None,
        };
        watch.known = watch.look();
        watch
    }

    /// What has changed since the last answer, with one of the files, once nothing has changed between two calls.
    pub fn change(&mut self) -> Option<(Change, PathBuf)> {
        let files = self.look();
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

    /// Looks at the templates where the settings say that they are now. They have not changed by that.
    fn follow_settings(&mut self) {
        self.read_at_start = read_at_start(&self.root);
        let files = self.look();
        self.known.retain(|path, state| state.change != Change::ReadAtStart || files.contains_key(path));
        for (path, state) in files.into_iter().filter(|(_, state)| state.change == Change::ReadAtStart) {
            self.known.entry(path).or_insert(state);
        }
    }

    /// Adds what the build of `executable` has read: cargo lists it beside the program. Not the migrations, which would be
    /// applied half written: they wait for `lback migrate`, or the next start. Nor what the build has made itself.
    pub fn built(&mut self, executable: &Path) {
        let list = fs::read_to_string(executable.with_extension("d")).unwrap_or_default();
        let inputs = list.lines().filter_map(|line| Some(line.split_once(": ")?.1)).flat_map(inputs);
        let made = executable.parent().unwrap_or(executable);
        let others = [self.root.join("src"), self.root.join("migrations"), made.to_owned()];
        let mut elsewhere: BTreeSet<PathBuf> = inputs.filter(|path| !others.iter().any(|folder| path.starts_with(folder))).collect();
        let manifests: BTreeSet<PathBuf> = elsewhere.iter().chain([&self.root]).flat_map(|path| manifests(path)).collect();
        elsewhere.extend(manifests);
        let before = std::mem::replace(&mut self.elsewhere, elsewhere);
        // A file that is watched from now on, or no more, has not changed by that.
        for path in self.elsewhere.difference(&before) {
            if let Some(state) = state(path, Change::Source) {
                self.known.entry(path.clone()).or_insert(state);
            }
        }
        let files = self.look();
        self.known.retain(|path, _| files.contains_key(path) || self.elsewhere.contains(path) || !before.contains(path));
    }

    fn look(&self) -> Files {
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

/// The `Cargo.toml` of the package that a file belongs to, and of the workspace around it.
fn manifests(path: &Path) -> Vec<PathBuf> {
    let folders = path.ancestors().skip(1).filter(|folder| folder.parent().is_some());
    folders.map(|folder| folder.join("Cargo.toml")).filter(|manifest| manifest.is_file()).collect()
}

/// The paths in a line of cargo's list, in which a space within a path has a backslash before it.
fn inputs(line: &str) -> Vec<PathBuf> {
    line.replace("\\ ", "\0").split(' ').filter(|path| !path.is_empty()).map(|path| PathBuf::from(path.replace('\0', " "))).collect()
}

fn is_settings(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == ".env" || (name.starts_with("settings.") && name.ends_with(".toml"))
}

/// Adds what is in a folder and below it, links to folders included. One that was `seen` is not looked at again: links may
/// lead in a circle.
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

/// What editors leave beside the file that they save, and what the system hides.
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

/// What the system calls the file, which differs for another that is moved into its place.
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
