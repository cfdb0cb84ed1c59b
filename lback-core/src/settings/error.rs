//! The error of this module: a text that says what failed, where, and what mends it.

use std::{error, fmt, io};

/// Why settings could not be loaded or read. `Display` is the whole message, with its remedy; neither
/// it nor `Debug` shows the value of a key that looks like a secret.
#[derive(Debug)]
pub struct SettingsError {
    kind: Kind,
    message: String,
    source: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    MissingFile,
    Unreadable,
    Syntax,
    MissingKey,
    UnknownKey,
    WrongValue,
    SecretKey,
}

impl SettingsError {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(super) fn with_source(mut self, source: io::Error) -> Self {
        self.source = Some(source);
        self
    }

    /// Whether no `settings.toml` was found.
    pub fn is_missing_file(&self) -> bool {
        self.kind == Kind::MissingFile
    }

    /// Whether a key that has no default is not set.
    pub fn is_missing_key(&self) -> bool {
        self.kind == Kind::MissingKey
    }

    /// Whether a key is written that nothing reads.
    pub fn is_unknown_key(&self) -> bool {
        self.kind == Kind::UnknownKey
    }

    /// Whether a file is there and is not well-formed.
    pub fn is_syntax(&self) -> bool {
        self.kind == Kind::Syntax
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
