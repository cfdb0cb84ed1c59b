//! `lback makemigrations`, and how the folders of migrations are named.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::file::File;
use crate::name::{self, Kind};
use crate::staging::{Moves, Staging};
use crate::{output, project, timestamp};

/// Makes a migration without any SQL in it.
pub fn run(name: &str) -> Result<()> {
    name::check(Kind::Migration, name)?;
    let root = project::root()?;
    let folder = root.join("migrations");
    fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, error))?;
    let called = folder_name(&folder, name)?;
    let file = |name: &str| File { path: name.to_owned(), text: String::new() };
    let staging = Staging::with_files(&folder, &[file("up.sql"), file("down.sql")])?;
    let mut moves = Moves::default();
    moves.rename(staging.path(), folder.join(&called))?;
    moves.keep();
    output::text(&format!(
        "Made migrations/{called}/up.sql and down.sql. Write what the migration does, and what undoes it; then:\n\n  lback migrate\n"
    ))
}

/// `2026-11-21-120000_create_blog`: a name that sorts after those in `folder` which were made before.
///
/// What stands before the first `_` tells migrations apart, so a second that is taken already gives way to the next.
pub fn folder_name(folder: &Path, name: &str) -> Result<String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io("read the folder", folder, error)),
    };
    if let Some(same) = entries.iter().find(|entry| entry.split_once('_').is_some_and(|(_, end)| end == name)) {
        return Err(Error::new(
            format!("there is a migration of that name: migrations/{same}"),
            "Choose another name, or write into that one.",
        ));
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
