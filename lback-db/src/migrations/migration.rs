//! One migration: its SQL, and how it is run.

use lback_core::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::statements::statements;
use crate::Kind;

/// A migration, as its files say.
#[derive(Clone, Debug)]
pub(super) struct Migration {
    /// The name of its folder.
    pub(super) name: String,
    /// What stands before the first underscore of the name, without hyphens.
    pub(super) version: String,
    pub(super) up: String,
    pub(super) down: Option<String>,
    pub(super) in_transaction: bool,
    /// Where `up.sql` is, for messages.
    pub(super) place: String,
    /// Whether it is read from a folder now, not compiled into the program.
    pub(super) is_file: bool,
    /// The battery that brings it; `None` for one of the application.
    pub(super) battery: Option<&'static str>,
}

impl Migration {
    /// What the migration is recorded under: its version, behind the name of its battery, so that batteries need not know of each
    /// other's versions.
    pub(super) fn key(&self) -> String {
        match self.battery {
            Some(battery) => format!("{battery}{SEPARATOR}{}", self.version),
            None => self.version.clone(),
        }
    }

    /// What people read: the name of its folder, below that of its battery.
    pub(super) fn title(&self) -> String {
        match self.battery {
            Some(battery) => format!("{battery}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns whether `up.sql` holds no statement yet.
    pub(super) fn is_blank(&self, kind: Kind) -> bool {
        statements(&self.up, kind).is_empty()
    }

    /// Returns whether `up.sql` says that its author has not looked at it yet.
    pub(super) fn is_draft(&self) -> bool {
        self.up.lines().any(is_draft_line)
    }

    /// Identifies the SQL of `up.sql`, whatever an editor or git does to ends of lines and spaces before them.
    pub(super) fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        let lines = self.up.lines().filter(|line| !is_draft_line(line)).map(str::trim_end);
        // Empty lines count when something follows them.
        let mut empty = 0;
        for line in lines {
            if line.is_empty() {
                empty += 1;
                continue;
            }
            hash.update("\n".repeat(std::mem::take(&mut empty) + 1));
            hash.update(line);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Stands between a battery and a version in a [key](Migration::key).
pub(super) const SEPARATOR: char = ':';

/// The version in a migration's name.
pub(super) fn version(name: &str) -> String {
    name.split('_').next().unwrap_or(name).replace('-', "")
}

/// The line at which [`Migrations::apply`](super::Migrations::apply) of a start stops: `lback startapp` writes it into the
/// migration that it makes.
pub const DRAFT: &str = "-- lback: draft";

fn is_draft_line(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase().starts_with(DRAFT)
}

/// What `metadata.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    #[serde(default = "yes")]
    pub(super) run_in_transaction: bool,
}

fn yes() -> bool {
    true
}

impl Metadata {
    /// Reads the text of the file at `place`.
    ///
    /// # Errors
    /// If it is not TOML, or has a key that means nothing there.
    pub(super) fn parse(text: &str, place: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            Error::internal(format!(
                "{place}:{line}: {}. The only key of this file is run_in_transaction = false, for SQL that a transaction does not allow",
                error.message()
            ))
        })
    }
}
