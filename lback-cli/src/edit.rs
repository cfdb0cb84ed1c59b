//! Edits existing files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file whose text is replaced atomically, and restored on drop unless the change is kept.
pub struct Edit {
    path: PathBuf,
    before: String,
    kept: bool,
}

impl Edit {
    /// Replaces the text of the file, `before`, with `after`.
    pub fn apply(path: &Path, before: String, after: &str) -> Result<Self> {
        replace(path, after).map_err(|error| Error::io("write", path, error))?;
        Ok(Edit { path: path.to_owned(), before, kept: false })
    }

    /// Keeps the change.
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

/// Writes a temporary file and renames it, so that the file is never half written. The file's mode is preserved.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let real = fs::canonicalize(path)?;
    let temporary = real.with_extension(format!("lback-new-{}", std::process::id()));
    let result = fs::write(&temporary, text)
        .and_then(|()| fs::set_permissions(&temporary, fs::metadata(&real)?.permissions()))
        .and_then(|()| fs::rename(&temporary, &real));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}
