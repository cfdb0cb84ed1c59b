//! The files of a new project.

use crate::database::Database;
use crate::error::{Error, Result};
use crate::file::File;

use super::database::differences;
use super::source::Source;
use super::users;

/// The files of a new project: their paths, and their patterns.
///
/// The patterns of `Cargo.toml` and of files that begin with a dot have other names in this repository, where they would
/// otherwise take effect.
const PATTERNS: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../starter/Cargo.toml.in")),
    ("settings.toml", include_str!("../../starter/settings.toml")),
    ("settings.production.toml", include_str!("../../starter/settings.production.toml")),
    (".env", include_str!("../../starter/env")),
    (".gitignore", include_str!("../../starter/gitignore")),
    (".dockerignore", include_str!("../../starter/dockerignore")),
    ("README.md", include_str!("../../starter/README.md")),
    ("rustfmt.toml", include_str!("../../starter/rustfmt.toml.in")),
    ("build.rs", include_str!("../../starter/build.rs")),
    ("src/main.rs", include_str!("../../starter/src/main.rs")),
    ("src/urls.rs", include_str!("../../starter/src/urls.rs")),
    ("src/views.rs", include_str!("../../starter/src/views.rs")),
    ("src/tests.rs", include_str!("../../starter/src/tests.rs")),
    ("templates/base.html", include_str!("../../starter/templates/base.html")),
    ("templates/index.html", include_str!("../../starter/templates/index.html")),
    ("templates/404.html", include_str!("../../starter/templates/404.html")),
    ("templates/500.html", include_str!("../../starter/templates/500.html")),
    ("static/style.css", include_str!("../../starter/static/style.css")),
    ("static/icon.svg", include_str!("../../starter/static/icon.svg")),
    ("migrations/.gitkeep", ""),
];

/// Returns the files of the project `name` with the given database, with or without users, and with a unique secret key.
pub fn files(name: &str, database: Database, with_users: bool, source: &Source) -> Result<Vec<File>> {
    let secret_key = secret_key()?;
    let dependency = source.dependency(database, with_users)?;
    let differences = differences(database, name);
    let mut values = vec![("__NAME__", name), ("__LBACK__", dependency.as_str()), ("__SECRET_KEY__", secret_key.as_str())];
    let of_users = users::differences(with_users, name);
    values.extend(differences.values.iter().chain(&of_users).map(|(name, value)| (*name, value.as_str())));
    let user_files = if with_users { users::FILES } else { &[] };
    let patterns = PATTERNS.iter().chain(user_files).copied().chain([("Dockerfile", differences.dockerfile)]);
    let mut files: Vec<File> = patterns.map(|(path, pattern)| File::filled(path, pattern, &values)).collect();
    if let Some(text) = source.lock() {
        files.push(File { path: "Cargo.lock".to_owned(), text });
    }
    Ok(files)
}

/// Returns 48 random bytes from the system, as hexadecimal text.
fn secret_key() -> Result<String> {
    let mut bytes = [0; 48];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(format!("the system returned no random bytes for a SECRET_KEY: {error}"), "Nothing was created. Try again in a moment.")
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
