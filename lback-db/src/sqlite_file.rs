//! Detects that the file of a SQLite database was deleted or replaced.
//!
//! A deleted file lives on for the processes that have it open: SQLite continues to write to it, and everything is lost when the
//! process ends. So every commit checks first that the path still names the same file.

use std::path::{Path, PathBuf};

use lback_core::{Error, Result};

/// The file that was in place when the application started.
#[derive(Clone, Debug)]
pub(crate) struct OpenedFile {
    path: PathBuf,
    /// `None` on systems without inode numbers.
    number: Option<Number>,
}

/// Device and inode number, which together identify a file.
type Number = (u64, u64);

impl OpenedFile {
    pub(crate) fn at(path: &Path) -> Self {
        OpenedFile { path: path.to_owned(), number: number(path) }
    }

    /// Checks that the file is still in its place.
    ///
    /// # Errors
    /// Returns 503 if it was deleted or replaced.
    pub(crate) fn check(&self) -> Result<()> {
        if self.number == number(&self.path) {
            return Ok(());
        }
        let what = if self.path.exists() { "replaced by another" } else { "deleted" };
        Err(Error::unavailable(format!(
            "the database file {} was {what} while the application was running, and further writes would be lost. Put the file back, or restart \
             the application to use the file that is there now",
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
