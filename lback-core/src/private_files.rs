//! Files and folders that only their owner may read, whatever the umask is. Systems other than Unix have no such modes.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// How a file is opened for writing, with mode 0600 if that creates it. A file that exists keeps its mode.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("note");
/// lback_core::private_files::options().create_new(true).open(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates the folder, and those on its way, with mode 0700. A folder that exists keeps its mode.
///
/// # Errors
/// If the system refuses.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
