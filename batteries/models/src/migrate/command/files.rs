//! Writing migrations: all of them or none.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lback_core::{Error, Result};

/// Migrations that are being written. What was created is removed again unless it is [kept](Self::keep).
#[derive(Debug, Default)]
pub(super) struct Files {
    created: Vec<PathBuf>,
    kept: bool,
}

impl Files {
    /// Creates the folder `name` in `parent` with these files. It appears with all of its files at once, since a development server may
    /// be watching.
    pub(super) fn create(&mut self, parent: &Path, name: &str, files: &[(&str, &str)]) -> Result<()> {
        let folder = parent.join(name);
        let failed = |error: io::Error| Error::internal(format!("{} cannot be created", folder.display())).with_source(error);
        fs::create_dir_all(parent).map_err(failed)?;
        // A folder that begins with a dot is no migration.
        let staging = parent.join(format!(".{name}"));
        self.created.push(staging.clone());
        fs::create_dir(&staging).map_err(failed)?;
        for (file, text) in files {
            fs::write(staging.join(file), text).map_err(failed)?;
        }
        fs::rename(&staging, &folder).map_err(failed)?;
        self.created.push(folder);
        Ok(())
    }

    /// Replaces the file at `path`, as a whole or not at all.
    pub(super) fn replace(path: &Path, text: &str) -> Result<()> {
        let failed = |error: io::Error| Error::internal(format!("{} cannot be written", path.display())).with_source(error);
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let staging = PathBuf::from(name);
        let write = || -> io::Result<()> {
            let mut file = fs::File::create(&staging)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&staging, path)
        };
        write().map_err(|error| {
            // The first error says more.
            let _ = fs::remove_file(&staging);
            failed(error)
        })
    }

    /// Keeps what was created.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for path in self.created.iter().rev() {
            // What cannot be removed cannot be reported any more.
            let _ = fs::remove_dir_all(path);
        }
    }
}
