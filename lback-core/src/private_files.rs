//! Creates files and folders that only their owner can read, regardless of the umask. Systems other than Unix have no such
//! modes, so files and folders get the default permissions there.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Returns the options for opening a file for writing. A new file gets mode 0600, an existing file keeps its mode.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("note");
/// lback::session::private_files::options().create_new(true).open(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates the folder and its missing parents with mode 0700. An existing folder keeps its mode.
///
/// # Errors
/// Returns an error if the folder cannot be created.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
