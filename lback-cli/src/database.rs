//! The databases that a project can use.

use std::path::{Path, PathBuf};

/// The database of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// The names on the command line, the default first.
    pub const NAMES: [&str; 2] = ["sqlite", "postgres"];

    /// Returns the database with the given name.
    pub fn named(name: &str) -> Self {
        if name == "postgres" { Database::Postgres } else { Database::Sqlite }
    }

    /// Returns the name of the database.
    pub fn name(self) -> &'static str {
        match self {
            Database::Sqlite => Self::NAMES[0],
            Database::Postgres => Self::NAMES[1],
        }
    }
}

/// A folder of migrations in a project.
pub struct MigrationFolder {
    /// The path below the project's folder, such as `migrations`.
    pub shown: &'static str,
    pub path: PathBuf,
}

/// Returns the folders of migrations: one for each database if they exist, or else the only one.
pub fn migration_folders(root: &Path) -> Vec<MigrationFolder> {
    let folder = |shown: &'static str| MigrationFolder { shown, path: root.join(shown) };
    let own = ["migrations/sqlite", "migrations/postgres"].map(folder);
    let own: Vec<MigrationFolder> = own.into_iter().filter(|folder| folder.path.is_dir()).collect();
    if own.is_empty() { vec![folder("migrations")] } else { own }
}
