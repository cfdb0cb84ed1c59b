//! Which file a SQLite database is.
//!
//! A file that is deleted or replaced lives on for those who have it open: SQLite goes on writing, and what it writes is gone
//! with the process. So whoever commits looks first whether the name still leads to the file.

use std::path::{Path, PathBuf};

use lback_core::{Error, Result};

/// A file, as it was when the application started.
#[derive(Clone, Debug)]
pub(crate) struct OpenedFile {
    path: PathBuf,
    /// `None` on systems that do not number their files.
    number: Option<Number>,
}

/// Device and number: no two files have the same at a time.
type Number = (u64, u64);

impl OpenedFile {
    pub(crate) fn at(path: &Path) -> Self {
        OpenedFile { path: path.to_owned(), number: number(path) }
    }

    /// # Errors
    /// 503 where another file, or none, is in its place.
    pub(crate) fn check(&self) -> Result<()> {
        if self.number == number(&self.path) {
            return Ok(());
        }
        let what = if self.path.exists() { "replaced by another" } else { "deleted" };
        Err(Error::unavailable(format!(
            "the database file {} was {what} while the application runs, and what it writes would be lost. Put the file back, or restart \
             the application to go on with the one that is there",
            self.path.display()
        )))
    }
}

#[cfg(unix)]
fn number(path: &Path) -> Option<Number> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn number(_: &Path) -> Option<Number> {
    None
}
