//! A change to a file that exists.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file whose text is replaced at once, and put back unless the change is kept.
pub struct Edit {
    path: PathBuf,
    before: String,
    kept: bool,
}

impl Edit {
    /// Replaces the text `before` of the file by `after`.
    pub fn apply(path: &Path, before: String, after: &str) -> Result<Self> {
        replace(path, after).map_err(|error| Error::io("write", path, error))?;
        Ok(Edit { path: path.to_owned(), before, kept: false })
    }

    /// The change stays.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Edit {
    fn drop(&mut self) {
        if !self.kept {
            let _ = replace(&self.path, &self.before);
        }
    }
}

/// Writes beside the file and renames, so that the file is never half-written. The file's mode stays.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let real = fs::canonicalize(path)?;
    let beside = real.with_extension(format!("lback-new-{}", std::process::id()));
    let result = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::metadata(&real)?.permissions()))
        .and_then(|()| fs::rename(&beside, &real));
    if result.is_err() {
        let _ = fs::remove_file(&beside);
    }
    result
}
