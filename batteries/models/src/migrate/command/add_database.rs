//! Gives each database its own folder of migrations.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};

use super::by_hand;
use super::files::Files;
use super::folders::{Folder, Names, folder_name, folders};
use crate::migrate::check::read_schema;
use crate::migrate::{Answers, Dialect, Options, Schema, plan, plan_back, render};

/// The run of `adddatabase`.
pub struct AddDatabase<'a> {
    /// The project's folder `migrations`.
    pub folder: &'a Path,
    /// The database in the settings.
    pub dialect: Dialect,
    /// The database that is added.
    pub added: Dialect,
    /// The current time, which the name of the migration begins with.
    pub now: DateTime<Utc>,
    /// Prints a line.
    pub print: &'a mut dyn FnMut(&str),
}

impl fmt::Debug for AddDatabase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddDatabase").field("folder", &self.folder).field("added", &self.added).finish_non_exhaustive()
    }
}

impl AddDatabase<'_> {
    /// Moves the migrations into a folder for their database, and creates the migration that makes the tables of the models in the other.
    /// Prints what was done, and which migrations have SQL that was written by hand.
    ///
    /// # Errors
    /// Returns an error if the project uses the database already, `models.json` is damaged, or a file cannot be read or written.
    pub fn run(self) -> Result<()> {
        if self.added == self.dialect {
            return Err(Error::bad_request(format!("this project uses {} already, as DATABASE_URL says", self.added.title())));
        }
        let into = self.folder.join(self.added.name());
        if into.is_dir() {
            (self.print)(&format!("migrations/{} exists already.", self.added.name()));
            return Ok(());
        }
        let schema = read_schema(self.folder)?;
        let before: Vec<Folder> = folders(self.folder, self.dialect);
        let names = Names::read(&before)?;
        let initial = folder_name(names.next_time(self.now), "initial");
        if before.iter().all(|folder| folder.path == self.folder) {
            let count = move_into(self.folder, self.dialect.name())?;
            (self.print)(&format!("Moved the migrations to migrations/{}: {count}.", self.dialect.name()));
        }
        if schema.tables.is_empty() {
            create_empty(&into)?;
            (self.print)(&format!("Created migrations/{}, which is empty, since no model has a migration.", self.added.name()));
        } else {
            create_initial(&schema, self.added, &into, &initial)?;
            (self.print)(&format!(
                "Created migrations/{}/{initial}/up.sql and down.sql, with the tables of the models.",
                self.added.name()
            ));
        }
        let written = by_hand::migrations(&self.folder.join(self.dialect.name()), &schema)?;
        if !written.is_empty() {
            (self.print)(&format!(
                "These migrations have SQL that was written by hand, and that is not in migrations/{}:",
                self.added.name()
            ));
            written.iter().for_each(|name| (self.print)(&format!("  migrations/{}/{name}/up.sql", self.dialect.name())));
            (self.print)(&format!("Write what {} needs of it into a migration there.", self.added.title()));
        }
        Ok(())
    }
}

/// Moves the migrations of a folder into a new one below it, and returns their number. A run that was interrupted is continued.
fn move_into(folder: &Path, name: &str) -> Result<usize> {
    let staging = folder.join(format!(".{name}"));
    let failed = |path: &Path, error: io::Error| Error::internal(format!("{} cannot be moved", path.display())).with_source(error);
    fs::create_dir_all(&staging).map_err(|error| failed(&staging, error))?;
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, error))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>().map_err(|error| failed(folder, error))?;
    paths.retain(|path| path.is_dir() && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    for path in paths {
        let Some(name) = path.file_name() else { continue };
        fs::rename(&path, staging.join(name)).map_err(|error| failed(&path, error))?;
    }
    let count = fs::read_dir(&staging).map_err(|error| failed(&staging, error))?.count();
    let keep = staging.join(KEEP);
    if count == 0 {
        fs::write(&keep, "").map_err(|error| failed(&keep, error))?;
    }
    // Each database has its own now.
    match fs::remove_file(folder.join(KEEP)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(folder, error)),
        _ => {}
    }
    fs::rename(&staging, folder.join(name)).map_err(|error| failed(&staging, error))?;
    Ok(count)
}

/// Makes git keep an empty folder.
const KEEP: &str = ".gitkeep";

/// Creates a folder without migrations.
fn create_empty(folder: &Path) -> Result<()> {
    let create = || fs::create_dir_all(folder).and_then(|()| fs::write(folder.join(KEEP), ""));
    create().map_err(|error| Error::internal(format!("{} cannot be created", folder.display())).with_source(error))
}

/// Creates the migration that makes all tables.
fn create_initial(schema: &Schema, dialect: Dialect, folder: &Path, name: &str) -> Result<()> {
    let nothing = Schema::default();
    let plan = plan(&nothing, schema, &mut Answers::default())?;
    let back = plan_back(&nothing, schema, &plan)?;
    let (up, down) = (render(&plan, dialect, Options::default()), render(&back, dialect, Options { back: true, ..Options::default() }));
    let mut files = Files::default();
    files.create(folder, name, &[("up.sql", &up.main), ("down.sql", &down.main)])?;
    files.keep();
    Ok(())
}
