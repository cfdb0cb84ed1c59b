//! The folders of migrations, and the names in them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use lback_core::{Error, Result};

use crate::migrate::Dialect;

/// A folder of migrations for one database.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The path as it is printed: `migrations/sqlite`.
    pub(super) shown: String,
    pub(super) dialect: Dialect,
}

/// Returns the folder of each database, if any has its own, or else the only one, which is for the database in the settings.
pub(super) fn folders(migrations: &Path, dialect: Dialect) -> Vec<Folder> {
    let own = Dialect::ALL.into_iter().map(|dialect| Folder {
        path: migrations.join(dialect.name()),
        shown: format!("migrations/{}", dialect.name()),
        dialect,
    });
    let own: Vec<Folder> = own.filter(|folder| folder.path.is_dir()).collect();
    if own.is_empty() { vec![Folder { path: migrations.to_owned(), shown: "migrations".to_owned(), dialect }] } else { own }
}

/// The format of the beginning of a migration's name.
const FORMAT: &str = "%Y-%m-%d-%H%M%S";

/// The names of the migrations in some folders.
#[derive(Debug)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// Reads the names. A folder that does not exist has none.
    pub(super) fn read(folders: &[Folder]) -> Result<Self> {
        let mut names = Vec::new();
        for folder in folders {
            let entries = match fs::read_dir(&folder.path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::internal(format!("{} cannot be read", folder.path.display())).with_source(error)),
            };
            names.extend(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()));
        }
        Ok(Names(names))
    }

    /// Returns a time for the name of a new migration: now, or the second after the newest one, so that it is applied last.
    pub(super) fn next_time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let newest = self.0.iter().filter_map(|name| {
            // That of a squashed migration ends with an s.
            let version = name.split('_').next()?.trim_end_matches('s');
            NaiveDateTime::parse_from_str(version, FORMAT).ok()
        });
        match newest.max().map(|newest| newest.and_utc()) {
            Some(newest) if newest.timestamp() >= now.timestamp() => newest + Duration::seconds(1),
            _ => now,
        }
    }

    /// Returns the migration with this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|known| known.split_once('_').is_some_and(|(_, end)| end == name)).map(String::as_str)
    }

    /// Returns the name, with a number at its end if it is taken.
    pub(super) fn free(&self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| self.find(name).is_none()).unwrap_or_default()
    }
}

/// Returns the name of the folder of a migration.
pub(super) fn folder_name(time: DateTime<Utc>, name: &str) -> String {
    format!("{}_{name}", time.format(FORMAT))
}
