//! Errors with a remedy.

use std::path::Path;
use std::{fmt, io};

/// The result of a command.
pub type Result<T> = std::result::Result<T, Error>;

/// The error of a command. It is displayed as two paragraphs: the problem, and what to do about it.
#[derive(Debug)]
pub struct Error {
    problem: String,
    remedy: String,
    source: Option<io::Error>,
}

impl Error {
    /// Creates an error from a problem and its remedy.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error { problem: problem.into(), remedy: remedy.into(), source: None }
    }

    /// Creates an error from a failed file operation: `Error::io("write", path, error)`.
    pub fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        let remedy = match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "You have no permission to write there. Choose another folder, or change the owner of this one."
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "The disk is full. Free some space, and try again.",
            io::ErrorKind::NotADirectory => "A part of this path is a file, not a folder. Choose another folder.",
            io::ErrorKind::InvalidFilename => "Choose a shorter name, or another folder.",
            _ => "Nothing was changed. Fix the problem, and try again.",
        };
        Error { problem: format!("cannot {verb} {}: {source}", path.display()), remedy: remedy.to_owned(), source: Some(source) }
    }

    /// Creates the error for a missing cargo.
    pub fn no_cargo() -> Self {
        Error::new(
            "cargo was not found; it builds and runs the project",
            "Install Rust from https://rustup.rs, or add the folder of cargo to PATH.",
        )
    }

    /// Returns the error with a text before the problem.
    pub fn with_prefix(self, prefix: &str) -> Self {
        Error { problem: format!("{prefix} {}", self.problem), ..self }
    }

    /// Returns the exit code of the program.
    pub fn code(&self) -> u8 {
        1
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}", self.problem, self.remedy)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
