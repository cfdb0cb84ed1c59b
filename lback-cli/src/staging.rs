//! A staging folder, in which files are prepared before they are moved to their final place.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::error::{Error, Result};
use crate::file::File;

/// A temporary folder, which is removed on drop with everything that is still in it.
pub struct Staging {
    path: PathBuf,
}

impl Staging {
    /// Creates the folder in `parent`, so that moving a file from it into `parent` is a rename, and writes `files` into it.
    pub fn with_files(parent: &Path, files: &[File]) -> Result<Self> {
        let staging = Self::empty(parent).map_err(|error| Error::io("create a folder in", parent, error))?;
        for file in files {
            file.write(&staging.path)?;
        }
        Ok(staging)
    }

    /// Creates an empty folder. Folders that killed processes have left behind are skipped.
    fn empty(parent: &Path) -> io::Result<Self> {
        let mut number = std::process::id();
        loop {
            let path = parent.join(format!(".lback-new-{number}"));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number = number.wrapping_add(1),
                result => return result.map(|()| Staging { path }),
            }
        }
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The folder may have been renamed. If it cannot be removed, the error cannot be reported any more.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Renames several files and folders, all of them or none.
#[derive(Default)]
pub struct Moves {
    done: Vec<PathBuf>,
    kept: bool,
}

impl Moves {
    /// Renames `from` to `to`, which must not exist.
    pub fn rename(&mut self, from: &Path, to: PathBuf) -> Result<()> {
        if fs::symlink_metadata(&to).is_ok() {
            return Err(Error::new(
                format!("{} already exists", to.display()),
                "Nothing was changed. Move it elsewhere, or choose another name.",
            ));
        }
        fs::rename(from, &to).map_err(|error| Error::io("create", &to, error))?;
        self.done.push(to);
        Ok(())
    }

    /// Keeps what was moved.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for path in self.done.iter().rev() {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}
