//! New files, and the text of existing ones.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// A file to be written: its path below some folder, and its text.
pub struct File {
    /// The path, with `/` between its parts.
    pub path: String,
    /// The content.
    pub text: String,
}

impl File {
    /// Creates a file from a pattern, in which the names in `values` are replaced with their values.
    pub fn filled(path: &str, pattern: &str, values: &[(&str, &str)]) -> Self {
        let fill = |text: &str| values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        File { path: fill(path), text: fill(pattern) }
    }

    /// Writes the file below `folder`, and creates missing folders. The file must not exist. A file named `.env` is readable
    /// by its owner only.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("create the folder", parent, error))?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if self.path == ".env" {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(&path).map_err(|error| Error::io("create the file", &path, error))?;
        file.write_all(self.text.as_bytes()).map_err(|error| Error::io("write the file", &path, error))
    }
}

/// Returns the text of a file, without a byte order mark and with `\n` as line ends, so that files of any editor or system
/// can be read. The project's program reads its files in the same way.
pub fn text(path: &Path) -> io::Result<String> {
    let bytes = fs::read(path)?;
    let units = |unit: fn([u8; 2]) -> u16| bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect::<Vec<u16>>();
    let text = match bytes.as_slice() {
        [0xff, 0xfe, ..] => String::from_utf16(&units(u16::from_le_bytes)).map_err(io::Error::other)?,
        [0xfe, 0xff, ..] => String::from_utf16(&units(u16::from_be_bytes)).map_err(io::Error::other)?,
        _ => String::from_utf8(bytes).map_err(io::Error::other)?,
    };
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n"))
}
