//! The files of a new app.

use crate::file::File;

/// Each file of an app: its path in the staging folder, and its pattern.
const PATTERNS: &[(&str, &str)] = &[
    ("src/mod.rs", include_str!("../../app/src/mod.rs")),
    ("src/models.rs", include_str!("../../app/src/models.rs")),
    ("src/urls.rs", include_str!("../../app/src/urls.rs")),
    ("src/views.rs", include_str!("../../app/src/views.rs")),
    ("src/tests.rs", include_str!("../../app/src/tests.rs")),
    ("templates/index.html", include_str!("../../app/index.html")),
    ("migration/up.sql", include_str!("../../app/up.sql")),
    ("migration/down.sql", include_str!("../../app/down.sql")),
];

/// The files of the app `name`.
pub fn files(name: &str) -> Vec<File> {
    PATTERNS.iter().map(|(path, pattern)| File::filled(path, pattern, &[("__APP__", name)])).collect()
}
