//! What went wrong, and what mends it.

use std::path::Path;
use std::{fmt, io};

/// The result of a command.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command did not do what it was asked. It is shown as it is: a line that says what is wrong, and one that says what
/// to do about it.
#[derive(Debug)]
pub struct Error {
    what: String,
    mend: String,
    source: Option<io::Error>,
}

impl Error {
    /// `what` went wrong, and `mend` puts it right.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Error { what: what.into(), mend: mend.into(), source: None }
    }

    /// The system refused to do something with a file: `Error::io("write", path, error)`.
    pub fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        let mend = match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "You may not write there. Choose another folder, or change who owns this one."
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "The disk is full. Make room on it, and try again.",
            io::ErrorKind::NotADirectory => "A part of this path is a file and not a folder. Choose another folder.",
            io::ErrorKind::InvalidFilename => "Choose a shorter name, or another folder.",
            _ => "Nothing was changed. Put right what the system says, and try again.",
        };
        Error { what: format!("cannot {verb} {}: {source}", path.display()), mend: mend.to_owned(), source: Some(source) }
    }

    /// There is no cargo.
    pub fn no_cargo() -> Self {
        Error::new(
            "cargo was not found; it builds and runs the project",
            "Install Rust from https://rustup.rs, or put cargo's folder on the PATH.",
        )
    }

    /// The same, with its beginning before what is wrong.
    pub fn because(self, beginning: &str) -> Self {
        Error { what: format!("{beginning} {}", self.what), ..self }
    }

    /// The status with which the program ends.
    pub fn code(&self) -> u8 {
        1
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}", self.what, self.mend)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
