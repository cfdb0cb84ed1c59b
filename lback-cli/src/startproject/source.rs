//! Where a new project takes Lback from.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::database::Database;
use crate::error::{Error, Result};

/// Where Lback comes from.
pub enum Source {
    /// A checkout of the repository, on this machine.
    Checkout(PathBuf),
    /// The version that was released with this command.
    Release,
}

impl Source {
    /// The checkout that `LBACK_CHECKOUT` names, else the one from which this command was built, where it still exists, else
    /// the release.
    pub fn find() -> Result<Self> {
        if let Some(named) = env::var_os("LBACK_CHECKOUT").filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            return match checkout(&named) {
                Some(found) => Ok(Source::Checkout(found)),
                None => Err(Error::new(
                    format!("LBACK_CHECKOUT names {}, which is no checkout of Lback: there is no lback/Cargo.toml in it", named.display()),
                    "Set LBACK_CHECKOUT to the folder of the repository, or unset it.",
                )),
            };
        }
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Ok(checkout(&built_from).map_or(Source::Release, Source::Checkout))
    }

    /// The value of `lback` in the `Cargo.toml` of a project on this database, with users or without.
    pub fn dependency(&self, database: Database, users: bool) -> Result<String> {
        let features = match (database, users) {
            (Database::Sqlite, false) => "",
            (Database::Sqlite, true) => ", features = [\"accounts\"]",
            (Database::Postgres, false) => ", default-features = false, features = [\"forms\", \"postgres\"]",
            (Database::Postgres, true) => ", default-features = false, features = [\"accounts\", \"postgres\"]",
        };
        let Source::Checkout(root) = self else {
            let version = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
            return Ok(if features.is_empty() { version.to_owned() } else { format!("{{ version = {version}{features} }}") });
        };
        let path = root.join("lback");
        match path.to_str() {
            Some(path) => Ok(format!("{{ path = \"{}\"{features} }}", path.replace('\\', "\\\\").replace('"', "\\\""))),
            None => Err(Error::new(
                format!("the path of Lback's checkout is not text that Cargo.toml could hold: {}", path.display()),
                "Move the checkout to a folder whose path is UTF-8.",
            )),
        }
    }

    /// The versions of all dependencies that Lback was tested with. Cargo drops what the project does not use.
    pub fn lock(&self) -> Option<String> {
        let Source::Checkout(root) = self else { return None };
        fs::read_to_string(root.join("Cargo.lock")).ok()
    }
}

fn checkout(folder: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).ok()?;
    folder.join("lback/Cargo.toml").is_file().then_some(folder)
}
