//! The files in the templates folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::problem::Problem;
use crate::file_state::FileState;
use crate::text_file::decode;

/// Endings of the files that editors create next to the file that they save.
const BACKUPS: [&str; 6] = ["~", "#", ".bak", ".orig", ".swp", "___jb_tmp___"];

/// The templates by name, with the state of their files for detecting changes.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Files(BTreeMap<String, File>);

#[derive(Debug, PartialEq, Eq, Hash)]
enum File {
    OnDisk {
        path: PathBuf,
        state: FileState,
    },
    /// The text of a template that a crate provides.
    BuiltIn(&'static str),
}

impl Files {
    /// Lists the files in `dir` and its subfolders. There are none if the folder does not exist.
    pub(crate) fn list(dir: &Path) -> Result<Self, Problem> {
        let mut files = Files::default();
        files.add_folder(dir, "", &mut Vec::new())?;
        Ok(files)
    }

    /// Adds the templates that crates provide, by name and text. A file with the same name replaces such a template.
    pub(super) fn with_built_in(mut self, templates: &[(&'static str, &'static str)]) -> Self {
        for (name, text) in templates {
            self.0.entry((*name).to_owned()).or_insert(File::BuiltIn(text));
        }
        self
    }

    /// Returns the names in alphabetical order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the name and text of every template.
    pub(super) fn read(&self) -> Result<Vec<(&str, String)>, Problem> {
        let mut texts = Vec::with_capacity(self.0.len());
        for (name, file) in &self.0 {
            let path = match file {
                File::OnDisk { path, .. } => path,
                File::BuiltIn(text) => {
                    texts.push((name.as_str(), (*text).to_owned()));
                    continue;
                }
            };
            match fs::read(path) {
                Ok(bytes) => texts.push((name.as_str(), text(bytes, path)?)),
                // The file was removed after it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(path, error)),
            }
        }
        Ok(texts)
    }

    /// Adds the files in `dir` and its subfolders. `ancestors` are the resolved paths of the folders around `dir`. If `dir` is among
    /// them, symbolic links form a loop.
    fn add_folder(&mut self, dir: &Path, prefix: &str, ancestors: &mut Vec<PathBuf>) -> Result<(), Problem> {
        let (real, entries) = match fs::canonicalize(dir).and_then(|real| Ok((real, fs::read_dir(dir)?))) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(dir, error)),
        };
        if ancestors.contains(&real) {
            return Ok(());
        }
        ancestors.push(real);
        for entry in entries {
            let path = entry.map_err(|error| unreadable(dir, error))?.path();
            self.add(path, prefix, ancestors)?;
        }
        ancestors.pop();
        Ok(())
    }

    fn add(&mut self, path: PathBuf, prefix: &str, ancestors: &mut Vec<PathBuf>) -> Result<(), Problem> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Problem::new(format!("the name of the template {} is not UTF-8; rename it", path.display())));
        };
        if name.starts_with('.') || BACKUPS.iter().any(|ending| name.ends_with(ending)) {
            return Ok(());
        }
        let name = format!("{prefix}{name}");
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => self.add_folder(&path, &format!("{name}/"), ancestors),
            Ok(found) if found.is_file() => {
                self.0.insert(name, File::OnDisk { state: FileState::of(&found), path });
                Ok(())
            }
            // A pipe or a socket: reading it could block indefinitely.
            Ok(_) => Ok(()),
            // A broken or circular link, or a file that has just been removed.
            Err(error) if path.is_symlink() || error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unreadable(&path, error)),
        }
    }
}

fn text(bytes: Vec<u8>, path: &Path) -> Result<String, Problem> {
    decode(bytes).map_err(|error| {
        Problem::new(format!(
            "the template {} is not UTF-8 text in line {}; save it as UTF-8, or move it to another folder if it is not a template",
            path.display(),
            error.line
        ))
    })
}

fn unreadable(path: &Path, error: io::Error) -> Problem {
    Problem::new(format!("cannot read the templates at {}", path.display())).with_source(error)
}
