//! `lback makemigrations`, and the names of migration folders.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::database::{MigrationFolder, migration_folders};
use crate::error::{Error, Result};
use crate::file::File;
use crate::name::{self, Kind};
use crate::staging::{Moves, Staging};
use crate::{output, project, timestamp};

/// Creates an empty migration.
pub fn run(name: &str) -> Result<()> {
    name::check(Kind::Migration, name)?;
    let root = project::root()?;
    let folders = migration_folders(&root);
    let folder_name = folder_name(&folders, name)?;
    let file = |name: &str| File { path: name.to_owned(), text: String::new() };
    let mut moves = Moves::default();
    let mut created = Vec::new();
    for folder in &folders {
        fs::create_dir_all(&folder.path).map_err(|error| Error::io("create the folder", &folder.path, error))?;
        let staging = Staging::with_files(&folder.path, &[file("up.sql"), file("down.sql")])?;
        moves.rename(staging.path(), folder.path.join(&folder_name))?;
        created.push(format!("{}/{folder_name}/up.sql and down.sql", folder.shown));
    }
    moves.keep();
    output::text(&format!(
        "Created {}. Write the SQL of the migration into up.sql, and the SQL that reverts it into down.sql. Then run:\n\n  lback migrate\n",
        created.join(", ")
    ))
}

/// Returns the name of a new migration folder, such as `2026-11-21-120000_create_blog`. It sorts after the older ones in
/// `folders`.
///
/// The part before the first `_` is the version, which must be unique. If another migration has the current second, the next
/// free one is used.
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
                format!("a migration with this name already exists: {}/{same}", folder.shown),
                "Choose another name, or edit the existing migration.",
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
