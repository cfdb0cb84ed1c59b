//! The files that the project is made of, looked at again and again: that works on every file system, and for a project's
//! few files takes no time. Templates and static files are not among them: the program reads those anew itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What to do about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Build, and start what was built.
    Source,
    /// Start the same program again.
    Settings,
}

/// The files as they were when they were last looked at.
pub struct Watch {
    root: PathBuf,
    /// What the last build read that lies elsewhere in the project, or outside of it: other crates, included files.
    elsewhere: BTreeSet<PathBuf>,
    known: Files,
    /// A change that was seen, while more may follow.
    unsettled: Option<Files>,
}

type Files = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl Watch {
    /// Over the project in `root`.
    pub fn new(root: &Path) -> Self {
        let mut watch = Watch { root: root.to_owned(), elsewhere: BTreeSet::new(), known: Files::new(), unsettled: None };
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
        let changed = |path: &&PathBuf| known.get(*path) != self.known.get(*path);
        let changed: Vec<&PathBuf> = self.known.keys().chain(known.keys()).filter(changed).collect();
        let source = changed.iter().find(|path| !is_settings(path));
        let (change, path) = match source {
            Some(path) => (Change::Source, *path),
            None => (Change::Settings, *changed.first()?),
        };
        Some((change, path.strip_prefix(&self.root).unwrap_or(path).to_owned()))
    }

    /// Adds what the build of `executable` has read: cargo lists it beside the program. Not the migrations, which would be
    /// applied half written: they wait for `lback migrate`, or the next start. Nor what the build has made itself.
    pub fn built(&mut self, executable: &Path) {
        let list = fs::read_to_string(executable.with_extension("d")).unwrap_or_default();
        let inputs = list.lines().filter_map(|line| Some(line.split_once(": ")?.1)).flat_map(inputs);
        let made = executable.parent().unwrap_or(executable);
        let others = [self.root.join("src"), self.root.join("migrations"), made.to_owned()];
        let elsewhere: BTreeSet<PathBuf> = inputs.filter(|path| !others.iter().any(|folder| path.starts_with(folder))).collect();
        // A file that is watched from now on has not changed by that.
        for path in elsewhere.difference(&self.elsewhere) {
            if let Some(state) = state(path) {
                self.known.entry(path.clone()).or_insert(state);
            }
        }
        self.known.retain(|path, _| elsewhere.contains(path) || !self.elsewhere.contains(path));
        self.elsewhere = elsewhere;
    }

    fn look(&self) -> Files {
        let mut files = Files::new();
        for folder in ["src", ".cargo"] {
            add_folder(&mut files, &self.root.join(folder));
        }
        let settings = fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| is_settings(path));
        let fixed = ["Cargo.toml", "build.rs", "rust-toolchain", "rust-toolchain.toml"].map(|name| self.root.join(name));
        for path in settings.chain(fixed).chain(self.elsewhere.iter().cloned()) {
            add(&mut files, path);
        }
        files
    }
}

/// The paths in a line of cargo's list, in which a space within a path has a backslash before it.
fn inputs(line: &str) -> Vec<PathBuf> {
    line.replace("\\ ", "\0").split(' ').filter(|path| !path.is_empty()).map(|path| PathBuf::from(path.replace('\0', " "))).collect()
}

fn is_settings(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == ".env" || (name.starts_with("settings.") && name.ends_with(".toml"))
}

fn add_folder(files: &mut Files, folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => add_folder(files, &path),
            _ if is_leftover(&path) => {}
            _ => add(files, path),
        }
    }
}

/// What editors leave beside the file that they save.
fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || name.starts_with('#') || [".swp", ".bak", ".orig", ".tmp", "~"].iter().any(|ending| name.ends_with(ending))
}

fn add(files: &mut Files, path: PathBuf) {
    if let Some(state) = state(&path) {
        files.insert(path, state);
    }
}

fn state(path: &Path) -> Option<(u64, Option<SystemTime>)> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((found.len(), found.modified().ok()))
}
