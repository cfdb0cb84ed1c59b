//! The sources of migrations: folders of the project, and sets that are compiled into the program.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::Dir;
use lback_core::text_file::{NotText, decode};
use lback_core::{Error, Result};

use super::migration::{Metadata, Migration, version};
use crate::Kind;

/// Migrations that are compiled into the program: the same for every database, or a set for each.
///
/// [`migrations!`](https://docs.rs/lback/latest/lback/macro.migrations.html) makes one.
#[derive(Clone, Debug)]
pub struct MigrationSet {
    sqlite: Option<Dir<'static>>,
    postgres: Option<Dir<'static>>,
    both: Option<Dir<'static>>,
}

impl MigrationSet {
    /// Returns a set with migrations for each database.
    pub const fn per_database(sqlite: Dir<'static>, postgres: Dir<'static>) -> Self {
        MigrationSet { sqlite: Some(sqlite), postgres: Some(postgres), both: None }
    }

    /// Returns the migrations for this database.
    pub(super) fn load(&self, kind: Kind) -> Result<Found> {
        let own = if kind.name() == "postgres" { &self.postgres } else { &self.sqlite };
        if let Some(both) = &self.both
            && let Some(one) = both.dirs().find(|folder| DATABASES.iter().any(|name| folder.path().file_name() == Some(name.as_ref())))
        {
            return Err(Error::internal(format!(
                "the folder of migrations that is compiled into the program has a folder {}, so each database has its own migrations. Write \
                 migrations!({}) in the place of migrations!()",
                one.path().display(),
                DATABASES.join(", ")
            )));
        }
        let mut found = Found::default();
        for folder in own.as_ref().or(self.both.as_ref()).into_iter().flat_map(Dir::dirs) {
            let path = Path::new("migrations").join(folder.path());
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            // Compiled-in paths are relative to the given folder.
            let file = |file: &str| Ok(folder.get_file(folder.path().join(file)).map(|file| file.contents().to_vec()));
            found.add(&name, &path, file)?;
        }
        Ok(found)
    }
}

impl From<Dir<'static>> for MigrationSet {
    fn from(folder: Dir<'static>) -> Self {
        MigrationSet { sqlite: None, postgres: None, both: Some(folder) }
    }
}

/// The contents of a folder of migrations.
#[derive(Default)]
pub(super) struct Found {
    pub(super) migrations: Vec<Migration>,
    /// Folders without an `up.sql`: git and editors leave them behind when a migration is removed.
    pub(super) leftovers: Vec<PathBuf>,
}

impl Found {
    fn add(&mut self, name: &str, path: &Path, mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>>) -> Result<()> {
        if name.starts_with('.') {
            return Ok(());
        }
        let mut text = |file: &str| match read(file)? {
            None => Ok(None),
            Some(bytes) => decode(bytes).map(Some).map_err(|error| not_text(&path.join(file), error)),
        };
        let Some(up) = text("up.sql")? else {
            self.leftovers.push(path.to_owned());
            return Ok(());
        };
        let place = |file: &str| path.join(file).display().to_string();
        let metadata = Metadata::parse(&text("metadata.toml")?.unwrap_or_default(), &place("metadata.toml"))?;
        self.migrations.push(Migration {
            name: name.to_owned(),
            version: version(name),
            up,
            down: text("down.sql")?,
            in_transaction: metadata.run_in_transaction,
            place: place("up.sql"),
            is_file: false,
            battery: None,
            replaces: metadata.replaces,
        });
        Ok(())
    }
}

/// Reads the migrations below a folder of the project. A folder that does not exist has none.
pub(super) fn in_folder(folder: &Path, kind: Kind) -> Result<Found> {
    match folder_of(folder, kind)? {
        Some(folder) => directly_in(&folder),
        None => Ok(Found::default()),
    }
}

/// Returns the folder of each kind of database that has one, or else the only one.
pub(super) fn all_folders(folder: &Path) -> Vec<PathBuf> {
    let own: Vec<PathBuf> = DATABASES.iter().map(|name| folder.join(name)).filter(|own| own.is_dir()).collect();
    if own.is_empty() { vec![folder.to_owned()] } else { own }
}

/// Reads the migrations in a folder.
pub(super) fn directly_in(folder: &Path) -> Result<Found> {
    let mut found = Found::default();
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        // A symbolic link to a folder counts as well.
        if !path.is_dir() {
            continue;
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::internal(format!("the name of the migration {} is not UTF-8; rename it", path.display())));
        };
        found.add(name, &path, |file| match fs::read(path.join(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path.join(file), error)),
        })?;
    }
    found.migrations.iter_mut().for_each(|migration| migration.is_file = true);
    Ok(found)
}

/// The names of folders with migrations for one kind of database.
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Returns the folder for this kind of database, if any kind has a folder of its own.
fn folder_of(folder: &Path, kind: Kind) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let own = folder.join(kind.name());
    if own.is_dir() {
        return Ok(Some(own));
    }
    match DATABASES.iter().find(|name| folder.join(name).is_dir()) {
        None => Ok(Some(folder.to_owned())),
        Some(other) => Err(Error::internal(format!(
            "{} has migrations for {other} and none for {kind}. Write them into {own}, or move those of {other} up if their SQL fits both",
            folder.display(),
            kind = kind.name(),
            own = own.display(),
        ))),
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::internal(format!("{} cannot be read", path.display())).with_source(error)
}

fn not_text(path: &Path, error: NotText) -> Error {
    Error::internal(format!("{}:{}: this is not UTF-8 text. Save the file as UTF-8", path.display(), error.line))
}
