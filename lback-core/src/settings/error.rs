//! The error of this module. Its message says what failed, where, and how to fix it.

use std::{error, fmt, io};

/// An error while loading or reading settings. `Display` shows the whole message, including the remedy. Neither `Display` nor
/// `Debug` shows the value of a key that looks like a secret.
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

    /// Returns whether no `settings.toml` was found.
    pub fn is_missing_file(&self) -> bool {
        self.kind == Kind::MissingFile
    }

    /// Returns whether a key without a default is not set.
    pub fn is_missing_key(&self) -> bool {
        self.kind == Kind::MissingKey
    }

    /// Returns whether there is a key that nothing reads.
    pub fn is_unknown_key(&self) -> bool {
        self.kind == Kind::UnknownKey
    }

    /// Returns whether a file is malformed.
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
