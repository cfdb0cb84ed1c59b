//! Parses `DATABASE_URL`.

use std::path::Path;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;

use lback_core::{Error, Result};

use crate::Kind;
#[cfg(feature = "postgres")]
use crate::postgres_url::PostgresUrl;

/// The location of the database.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(PostgresUrl),
}

impl Target {
    /// Parses a `DATABASE_URL`. Relative paths are resolved below `root`.
    pub(crate) fn parse(url: &str, root: &Path) -> Result<Self> {
        let (scheme, rest) = url.split_once(':').unwrap_or(("sqlite", url));
        match scheme {
            "sqlite" => sqlite(rest, root),
            "postgres" | "postgresql" => postgres(rest),
            // The value is not shown, as it may contain a password.
            _ => Err(Error::internal(format!(
                "DATABASE_URL names a database that Lback does not know. It begins with \"sqlite:\", as in {SQLITE_EXAMPLE}, or with \
                 \"postgres:\", as in {POSTGRES_EXAMPLE}"
            ))),
        }
    }

    /// Returns the kind of the database.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(_) => Kind::Sqlite,
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => Kind::Postgres,
        }
    }
}

const SQLITE_EXAMPLE: &str = "DATABASE_URL = \"sqlite:db.sqlite\"";
pub(crate) const POSTGRES_EXAMPLE: &str = "DATABASE_URL = \"postgres://user:password@localhost/database\"";

#[cfg(feature = "sqlite")]
fn sqlite(rest: &str, root: &Path) -> Result<Target> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains(":memory:") {
        return Err(Error::internal(format!(
            "DATABASE_URL names no file. A database in memory cannot be shared by several connections: write {SQLITE_EXAMPLE} in settings.toml"
        )));
    }
    // Other libraries take parameters after a ?. Here they would become part of the file's name.
    let is_plain = path.trim() == path && !path.starts_with('~') && !path.contains(|c: char| c == '?' || c.is_control());
    if !is_plain {
        return Err(Error::internal(format!(
            "DATABASE_URL names a file with ~, ?, a control character, or a space at an end of its name. Parameters of SQLite have \
             settings of their own, such as DATABASE_BUSY_TIMEOUT_MS: write {SQLITE_EXAMPLE} in settings.toml"
        )));
    }
    Ok(Target::Sqlite(root.join(path)))
}

#[cfg(feature = "postgres")]
fn postgres(rest: &str) -> Result<Target> {
    PostgresUrl::parse(rest).map(Target::Postgres)
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_rest: &str, _root: &Path) -> Result<Target> {
    Err(lacks("sqlite", "SQLite"))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_rest: &str) -> Result<Target> {
    Err(lacks("postgres", "PostgreSQL"))
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn lacks(feature: &str, database: &str) -> Error {
    Error::internal(format!(
        "DATABASE_URL names a {database} database, and this program was built without {database}. Add the feature in Cargo.toml: \
         lback = {{ …, features = [\"{feature}\"] }}"
    ))
}
