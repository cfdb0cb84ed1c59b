//! `lback startproject`.

mod database;
mod source;
mod starter;
mod users;

pub use database::{create as create_database, dockerfile, pattern_value, url as database_url};

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::name::{self, Kind};
use crate::output;
use crate::staging::{Moves, Staging};

/// Creates the project `name` with the given database, with or without users, in `folder` or else in a folder with its name.
pub fn run(name: &str, folder: Option<&Path>, database: Database, users: bool) -> Result<()> {
    name::check(Kind::Project, name)?;
    let folder = folder.unwrap_or(Path::new(name));
    let source = source::Source::find()?;
    let files = starter::files(name, database, users, &source)?;
    let mut moves = Moves::default();
    if can_be_filled(folder)? {
        // The folder itself is kept, because it may be the current folder of a shell.
        let staging = Staging::with_files(folder, &files)?;
        for entry in entries(staging.path())? {
            if let Some(file_name) = entry.file_name() {
                moves.rename(&entry, folder.join(file_name))?;
            }
        }
    } else {
        let staging = Staging::with_files(parent_of(folder)?, &files)?;
        moves.rename(staging.path(), folder.to_owned())?;
    }
    moves.keep();
    output::text(&next_steps(name, folder, database, users))
}

/// Returns whether the folder exists and can take the project, or `false` if it does not exist.
///
/// # Errors
/// Returns an error if it is not a folder, or contains anything other than a Git repository.
fn can_be_filled(folder: &Path) -> Result<bool> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("look at", folder, error)),
        Ok(_) if !folder.is_dir() => {
            return Err(Error::new(
                format!("{} already exists, and is not a folder", folder.display()),
                "Choose another name, or another folder: lback startproject NAME DIR",
            ));
        }
        Ok(_) => {}
    }
    match entries(folder)?.iter().find(|entry| !entry.ends_with(".git")) {
        None => Ok(true),
        Some(entry) => Err(Error::new(
            format!("the folder {} is not empty: it contains {}", folder.display(), entry.display()),
            "Nothing was changed. Choose another name, or another folder: lback startproject NAME DIR",
        )),
    }
}

/// Returns the entries of a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io("read the folder", folder, error);
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).map_err(failed)?.map(|entry| Ok(entry?.path())).collect();
    entries.map_err(failed)
}

fn parent_of(folder: &Path) -> Result<&Path> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.exists() {
        return Err(Error::new(
            format!("the folder {} does not exist", parent.display()),
            format!("Create it first: mkdir -p {}", parent.display()),
        ));
    }
    Ok(parent)
}

fn next_steps(name: &str, folder: &Path, database: Database, users: bool) -> String {
    let here = folder.components().all(|part| part == Component::CurDir);
    let change = if here { String::new() } else { format!("  cd {}\n", quoted(folder)) };
    let create = match database {
        Database::Sqlite => String::new(),
        Database::Postgres => database::create(name).lines().map(|line| format!("  {line}\n")).collect(),
    };
    let superuser = if users { "  lback migrate\n  lback createsuperuser\n" } else { "" };
    let admin = if users { ", and http://127.0.0.1:8000/admin as the superuser" } else { "" };
    format!("Created {name}. Next steps:\n\n{create}{change}{superuser}  lback runserver\n\nThen open http://127.0.0.1:8000{admin}\n")
}

/// Returns the path of the folder, quoted for a shell.
fn quoted(folder: &Path) -> String {
    let text = folder.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~' | '+' | '@' | '%' | ',' | ':');
    if cfg!(unix) && !text.chars().all(plain) { format!("'{}'", text.replace('\'', "'\\''")) } else { text }
}
