//! Files that are about to be written.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// A file: where it goes, below some folder, and what is in it.
pub struct File {
    /// The path, with `/` between its parts.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl File {
    /// A file made from a pattern, in which `values` stand for their names.
    pub fn filled(path: &str, pattern: &str, values: &[(&str, &str)]) -> Self {
        let fill = |text: &str| values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        File { path: fill(path), text: fill(pattern) }
    }

    /// Writes the file below `folder`, with the folders on its way. It must not exist. A file called `.env` is readable by
    /// its owner only.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("make the folder", parent, error))?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if self.path == ".env" {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(&path).map_err(|error| Error::io("make the file", &path, error))?;
        file.write_all(self.text.as_bytes()).map_err(|error| Error::io("write the file", &path, error))
    }
}
