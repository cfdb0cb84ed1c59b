//! A folder in which things are made before they are moved to their place.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::error::{Error, Result};
use crate::file::File;

/// A folder that goes away with all that is still in it.
pub struct Staging {
    path: PathBuf,
}

impl Staging {
    /// Makes the folder in `parent`, so that moving from it into `parent` is a rename, and writes `files` into it.
    pub fn with_files(parent: &Path, files: &[File]) -> Result<Self> {
        let staging = Self::empty(parent).map_err(|error| Error::io("make a folder in", parent, error))?;
        for file in files {
            file.write(&staging.path)?;
        }
        Ok(staging)
    }

    /// A process that was killed may have left a folder of this name, which is passed over.
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

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It is gone where it was renamed; where it cannot be removed, there is nobody left to tell.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Moves things to their places, all of them or none.
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
                format!("{} exists already", to.display()),
                "Nothing was changed. Move it away, or choose another name.",
            ));
        }
        fs::rename(from, &to).map_err(|error| Error::io("make", &to, error))?;
        self.done.push(to);
        Ok(())
    }

    /// What was moved stays.
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
