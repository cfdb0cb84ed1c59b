//! `lback makemigrations`, and how the folders of migrations are named.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::database::{MigrationFolder, migration_folders};
use crate::error::{Error, Result};
use crate::file::File;
use crate::name::{self, Kind};
use crate::staging::{Moves, Staging};
use crate::{output, project, timestamp};

/// Makes a migration without any SQL in it.
pub fn run(name: &str) -> Result<()> {
    name::check(Kind::Migration, name)?;
    let root = project::root()?;
    let folders = migration_folders(&root);
    let called = folder_name(&folders, name)?;
    let file = |name: &str| File { path: name.to_owned(), text: String::new() };
    let mut moves = Moves::default();
    let mut made = Vec::new();
    for folder in &folders {
        fs::create_dir_all(&folder.path).map_err(|error| Error::io("make the folder", &folder.path, error))?;
        let staging = Staging::with_files(&folder.path, &[file("up.sql"), file("down.sql")])?;
        moves.rename(staging.path(), folder.path.join(&called))?;
        made.push(format!("{}/{called}/up.sql and down.sql", folder.shown));
    }
    moves.keep();
    output::text(&format!("Made {}. Write what the migration does, and what undoes it; then:\n\n  lback migrate\n", made.join(", ")))
}

/// `2026-11-21-120000_create_blog`: a name that sorts after those in `folders` which were made before.
///
/// What stands before the first `_` tells migrations apart, so a second that is taken already gives way to the next.
pub fn folder_name(folders: &[MigrationFolder], name: &str) -> Result<String> {
    let mut entries = Vec::new();
    for folder in folders {
        let found: Vec<String> = match fs::read_dir(&folder.path) {
            Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("read the folder", &folder.path, error)),
        };
        if let Some(same) = found.iter().find(|entry| entry.split_once('_').is_some_and(|(_, end)| end == name)) {
            return Err(Error::new(
                format!("there is a migration of that name: {}/{same}", folder.shown),
                "Choose another name, or write into that one.",
            ));
        }
        entries.extend(found);
    }
    let mut time = SystemTime::now();
    loop {
        let version = timestamp::of(time);
        if !entries.iter().any(|entry| entry.split('_').next() == Some(version.as_str())) {
            return Ok(format!("{version}_{name}"));
        }
        time += Duration::from_secs(1);
    }
}
