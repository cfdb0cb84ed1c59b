//! `lback makemigrations`, and the names of migration folders.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::database::{MigrationFolder, migration_folders};
use crate::error::{Error, Result};
use crate::file::{File, text};
use crate::name::{self, Kind};
use crate::staging::{Moves, Staging};
use crate::{delegate, output, project, timestamp};

/// Creates an empty migration, or lets the project's program create one from its models. `options` are those of the command line.
pub fn run(name: Option<&str>, options: &[String]) -> Result<()> {
    if let Some(name) = name {
        name::check(Kind::Migration, name)?;
    }
    let root = project::root()?;
    if options != ["--empty"] && has_models(&root) {
        return delegate::to_project("makemigrations", name.into_iter().chain(options.iter().map(String::as_str)));
    }
    if let Some(option) = options.iter().find(|option| *option != "--empty") {
        return Err(Error::new(format!("{option} is for projects with models, and this one has none"), "Leave it out."));
    }
    let Some(name) = name else {
        return Err(Error::new(
            "an empty migration needs a name",
            "Say what it does: lback makemigrations add_author_to_posts --empty. A project with models, App::new(urls).models(models![…]), needs \
             neither.",
        ));
    };
    empty(&root, name)
}

/// Returns whether the project has models, without building it: `migrations/models.json`, or `models![` in its source code.
fn has_models(root: &Path) -> bool {
    let is_list = |text: &str| text.split("models![").skip(1).any(|list| !list.trim_start().starts_with(']'));
    root.join("migrations/models.json").is_file() || has_code(&root.join("src"), &is_list)
}

/// Returns whether a file of Rust code in the folder, or below it, is such that `is_it` returns true for its text.
pub fn has_code(folder: &Path, is_it: &dyn Fn(&str) -> bool) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        // Symbolic links, which may lead in a circle, are not followed.
        let is_folder = entry.file_type().is_ok_and(|of| of.is_dir());
        let is_code = path.extension().is_some_and(|extension| extension == "rs");
        if is_folder { has_code(&path, is_it) } else { is_code && text(&path).is_ok_and(|text| is_it(&text)) }
    })
}

/// Creates an empty migration.
fn empty(root: &Path, name: &str) -> Result<()> {
    let folders = migration_folders(root);
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
