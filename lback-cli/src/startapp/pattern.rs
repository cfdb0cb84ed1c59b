//! The files of a new app.

use crate::database::MigrationFolder;
use crate::file::File;

/// The files of an app: their paths in the staging folder, and their patterns.
const PATTERNS: &[(&str, &str)] = &[
    ("src/mod.rs", include_str!("../../app/src/mod.rs")),
    ("src/models.rs", include_str!("../../app/src/models.rs")),
    ("src/urls.rs", include_str!("../../app/src/urls.rs")),
    ("src/views.rs", include_str!("../../app/src/views.rs")),
    ("src/tests.rs", include_str!("../../app/src/tests.rs")),
    ("templates/index.html", include_str!("../../app/index.html")),
];

/// The files of its migration, below each folder of migrations.
const MIGRATION: [(&str, &str); 2] = [("up.sql", include_str!("../../app/up.sql")), ("down.sql", include_str!("../../app/down.sql"))];

/// Returns the files of the app `name`, with its migration in each of `folders`.
pub fn files(name: &str, folders: &[MigrationFolder]) -> Vec<File> {
    let mut files: Vec<File> = PATTERNS.iter().map(|(path, pattern)| File::filled(path, pattern, &[("__APP__", name)])).collect();
    for folder in folders {
        let values = [("__APP__", name), ("__ID__", folder.database.id_column())];
        files.extend(MIGRATION.iter().map(|(file, pattern)| File::filled(&format!("{}/{file}", folder.shown), pattern, &values)));
    }
    files
}
