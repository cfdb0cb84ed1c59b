//! `lback startproject`.

mod database;
mod source;
mod starter;
mod users;

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::name::{self, Kind};
use crate::output;
use crate::staging::{Moves, Staging};

/// Makes the project `name` in `folder`, or else in a folder of its name, on this database, with users or without.
pub fn run(name: &str, folder: Option<&Path>, database: Database, users: bool) -> Result<()> {
    name::check(Kind::Project, name)?;
    let folder = folder.unwrap_or(Path::new(name));
    let source = source::Source::find()?;
    let files = starter::files(name, database, users, &source)?;
    let mut moves = Moves::default();
    if is_there(folder)? {
        // The folder itself stays, since a shell may stand in it.
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
    output::text(&farewell(name, folder, database, users))
}

/// Whether the folder exists, and can take a project: it holds nothing, or nothing but a repository.
fn is_there(folder: &Path) -> Result<bool> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("look at", folder, error)),
        Ok(_) if !folder.is_dir() => {
            return Err(Error::new(
                format!("{} exists already, and is not a folder", folder.display()),
                "Choose another name, or name another folder: lback startproject NAME DIR",
            ));
        }
        Ok(_) => {}
    }
    match entries(folder)?.iter().find(|entry| !entry.ends_with(".git")) {
        None => Ok(true),
        Some(entry) => Err(Error::new(
            format!("the folder {} is not empty: {} is in it", folder.display(), entry.display()),
            "Nothing was changed. Choose another name, or name another folder: lback startproject NAME DIR",
        )),
    }
}

/// What is in a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fault = |error| Error::io("read the folder", folder, error);
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).map_err(fault)?.map(|entry| Ok(entry?.path())).collect();
    entries.map_err(fault)
}

fn parent_of(folder: &Path) -> Result<&Path> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.exists() {
        return Err(Error::new(
            format!("there is no folder {}", parent.display()),
            format!("Make it first: mkdir -p {}", parent.display()),
        ));
    }
    Ok(parent)
}

fn farewell(name: &str, folder: &Path, database: Database, users: bool) -> String {
    let here = folder.components().all(|part| part == Component::CurDir);
    let change = if here { String::new() } else { format!("  cd {}\n", quoted(folder)) };
    let make = match database {
        Database::Sqlite => String::new(),
        Database::Postgres => database::make(name).lines().map(|line| format!("  {line}\n")).collect(),
    };
    let superuser = if users { "  lback migrate\n  lback createsuperuser\n" } else { "" };
    format!("Made {name}. Next:\n\n{make}{change}{superuser}  lback runserver\n\nThen open http://127.0.0.1:8000\n")
}

/// The folder as a shell understands it.
fn quoted(folder: &Path) -> String {
    let text = folder.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~' | '+' | '@' | '%' | ',' | ':');
    if cfg!(unix) && !text.chars().all(plain) { format!("'{}'", text.replace('\'', "'\\''")) } else { text }
}
