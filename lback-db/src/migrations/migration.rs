//! One migration: its SQL, and its options.

use std::path::Path;

use lback_core::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::directives::directives;
use super::statements::statements;
use crate::Kind;

/// A migration, read from its files.
#[derive(Clone, Debug)]
pub(super) struct Migration {
    /// The name of its folder.
    pub(super) name: String,
    /// The part of the name before the first underscore, without hyphens.
    pub(super) version: String,
    pub(super) up: String,
    pub(super) down: Option<String>,
    pub(super) in_transaction: bool,
    /// The path of `up.sql`, for messages.
    pub(super) place: String,
    /// Whether it was read from a folder, not compiled into the program.
    pub(super) is_file: bool,
    /// Its battery; `None` for a migration of the application.
    pub(super) battery: Option<&'static str>,
    /// The names of the migrations that it was squashed from.
    pub(super) replaces: Vec<String>,
}

impl Migration {
    /// Returns the recorded key: the version after the name of the battery, so that batteries need not know each other's versions.
    pub(super) fn key(&self) -> String {
        self.key_of(&self.version)
    }

    fn key_of(&self, version: &str) -> String {
        match self.battery {
            Some(battery) => format!("{battery}{SEPARATOR}{version}"),
            None => version.to_owned(),
        }
    }

    /// Returns the names and the keys of the migrations that it was squashed from.
    pub(super) fn replaced(&self) -> impl Iterator<Item = (&str, String)> {
        self.replaces.iter().map(|name| (name.as_str(), self.key_of(&version(name))))
    }

    /// Returns the name for people: that of its folder, after that of its battery.
    pub(super) fn title(&self) -> String {
        match self.battery {
            Some(battery) => format!("{battery}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns whether `up.sql` has no statement yet, and runs no function.
    pub(super) fn is_blank(&self, kind: Kind) -> bool {
        let statements = statements(&self.up, kind);
        statements.is_empty() && directives(&self.up, &statements).is_empty()
    }

    /// Returns the path of `down.sql`, for messages.
    pub(super) fn down_place(&self) -> String {
        Path::new(&self.place).with_file_name("down.sql").display().to_string()
    }

    /// Returns the SQL that undoes it, unless there is none.
    pub(super) fn down_sql(&self) -> Option<&str> {
        self.down.as_deref().filter(|sql| !sql.trim().is_empty())
    }

    /// Returns whether `up.sql` has the [`DRAFT`] line: its author has not reviewed it yet.
    pub(super) fn is_draft(&self) -> bool {
        self.up.lines().any(is_draft_line)
    }

    /// Returns a checksum of the SQL of `up.sql` that does not depend on line endings and trailing spaces.
    pub(super) fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        let lines = self.up.lines().filter(|line| !is_draft_line(line)).map(str::trim_end);
        // Empty lines count unless they are at the end.
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

/// Separates battery and version in a [key](Migration::key).
pub(super) const SEPARATOR: char = ':';

/// Returns the version in a migration's name.
pub(super) fn version(name: &str) -> String {
    name.split('_').next().unwrap_or(name).replace('-', "")
}

/// The line that marks a draft, at which [`Migrations::apply`](super::Migrations::apply) of the development server stops.
pub const DRAFT: &str = "-- lback: draft";

fn is_draft_line(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase().starts_with(DRAFT)
}

/// The contents of `metadata.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    #[serde(default = "yes")]
    pub(super) run_in_transaction: bool,
    #[serde(default)]
    pub(super) replaces: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Metadata {
    /// Parses the text of the file at `place`.
    ///
    /// # Errors
    /// Returns an error if it is not TOML or has an unknown key.
    pub(super) fn parse(text: &str, place: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            Error::internal(format!(
                "{place}:{line}: {}. The keys of this file are run_in_transaction = false, for SQL that a transaction does not allow, and \
                 replaces, which squashmigrations writes",
                error.message()
            ))
        })
    }
}
