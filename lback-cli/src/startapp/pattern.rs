//! The files of a new app.

use super::model::Model;
use crate::file::File;

/// The files of an app: their paths in the staging folder, and their patterns.
const PATTERNS: &[(&str, &str)] = &[
    ("src/mod.rs", include_str!("../../app/src/mod.rs")),
    ("src/models.rs", include_str!("../../app/src/models.rs")),
    ("src/urls.rs", include_str!("../../app/src/urls.rs")),
    ("src/views.rs", include_str!("../../app/src/views.rs")),
    ("src/tests.rs", include_str!("../../app/src/tests.rs")),
    ("templates/index.html", include_str!("../../app/templates/index.html")),
    ("templates/show.html", include_str!("../../app/templates/show.html")),
    ("templates/form.html", include_str!("../../app/templates/form.html")),
];

/// Returns the files of the app `name`.
pub fn files(name: &str, model: &Model) -> Vec<File> {
    let of_model = model.values();
    let mut values = vec![("__APP__", name)];
    values.extend(of_model.iter().map(|(name, value)| (*name, value.as_str())));
    PATTERNS.iter().map(|(path, pattern)| File::filled(path, pattern, &values)).collect()
}
