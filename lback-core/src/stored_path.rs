//! Paths of files in a folder, from names that a visitor may have sent.

use std::path::{Path, PathBuf};

use crate::static_names::is_served;
use crate::{Error, Result};

/// No operating system opens a file by a longer path.
const MAX_PATH: usize = 4096;

/// Returns `name` as a relative path of plain names. Returns `None` if it could mean anything else.
pub(crate) fn plain(name: &str) -> Option<PathBuf> {
    // A colon can name a drive or a stream on Windows.
    let is_special = |c: char| c.is_control() || c == '\\' || (cfg!(windows) && c == ':');
    if name.len() > MAX_PATH || name.contains(is_special) {
        return None;
    }
    // `is_served` also rejects empty names, which come from a leading, trailing or doubled slash.
    name.split('/').all(is_served).then(|| PathBuf::from(name))
}

/// Returns `path` with its links resolved, if the result is still in `dir`.
///
/// # Errors
/// Returns 404 if it is not, or if there is no such file.
pub(crate) fn inside(dir: &Path, path: &Path) -> Result<PathBuf> {
    let path = path.canonicalize().map_err(|error| not_found().with_source(error))?;
    if path.starts_with(dir) { Ok(path) } else { Err(not_found()) }
}

/// Returns the path of the file `name` in `dir`.
///
/// # Errors
/// Returns 404 if there is no such file, or if the name leads out of the folder or to a hidden file.
pub(crate) fn find(dir: &Path, name: &str) -> Result<PathBuf> {
    let relative = plain(name).ok_or_else(not_found)?;
    let dir = dir.canonicalize().map_err(|error| not_found().with_source(error))?;
    let path = inside(&dir, &dir.join(relative))?;
    if path.is_file() { Ok(path) } else { Err(not_found()) }
}

pub(crate) fn not_found() -> Error {
    Error::not_found("There is no such file.")
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn only_plain_names_of_files_in_the_folder_are_found() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("media");
        std::fs::create_dir_all(dir.join("photos")).unwrap();
        for path in ["secret", "media/a.png", "media/.hidden", "media/photos/b.png"] {
            std::fs::write(root.path().join(path), "content").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.path().join("secret"), dir.join("link")).unwrap();
        for name in ["a.png", "photos/b.png"] {
            assert!(find(&dir, name).unwrap().ends_with(name));
        }
        let outside = root.path().join("secret").display().to_string();
        let wrong =
            ["", ".", "..", "../secret", "photos/../a.png", "/a.png", "a.png/", "photos", ".hidden", "link", "a\0", "..\\secret", &outside];
        for name in wrong {
            assert_eq!(find(&dir, name).unwrap_err().status(), 404, "{name}");
        }
        assert!(find(&root.path().join("missing"), "a.png").unwrap_err().is_not_found());
    }
}
