//! The source of Lback for a new project.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::database::Database;
use crate::error::{Error, Result};

/// The source of Lback.
pub enum Source {
    /// A checkout of the repository on this machine.
    Checkout(PathBuf),
    /// The released version of this command.
    Release,
}

impl Source {
    /// Returns the checkout that `LBACK_CHECKOUT` names, or else the one from which this command was built if it still
    /// exists, or else the release.
    pub fn find() -> Result<Self> {
        if let Some(named) = env::var_os("LBACK_CHECKOUT").filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            return match checkout(&named) {
                Some(found) => Ok(Source::Checkout(found)),
                None => Err(Error::new(
                    format!("LBACK_CHECKOUT names {}, which is not a checkout of Lback: it has no lback/Cargo.toml", named.display()),
                    "Set LBACK_CHECKOUT to the folder of the repository, or unset it.",
                )),
            };
        }
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Ok(checkout(&built_from).map_or(Source::Release, Source::Checkout))
    }

    /// Returns the value of `lback` in the `Cargo.toml` of a project with the given database, with or without users.
    pub fn dependency(&self, database: Database, users: bool) -> Result<String> {
        let features = match (database, users) {
            (Database::Sqlite, false) => "",
            (Database::Sqlite, true) => ", features = [\"accounts\", \"admin\"]",
            (Database::Postgres, false) => ", default-features = false, features = [\"models\", \"postgres\"]",
            (Database::Postgres, true) => ", default-features = false, features = [\"accounts\", \"admin\", \"postgres\"]",
        };
        let Source::Checkout(root) = self else {
            let version = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
            return Ok(if features.is_empty() { version.to_owned() } else { format!("{{ version = {version}{features} }}") });
        };
        let path = root.join("lback");
        match path.to_str() {
            Some(path) => Ok(format!("{{ path = \"{}\"{features} }}", path.replace('\\', "\\\\").replace('"', "\\\""))),
            None => Err(Error::new(
                format!("the path of Lback's checkout is not UTF-8, so Cargo.toml cannot contain it: {}", path.display()),
                "Move the checkout to another folder.",
            )),
        }
    }

    /// Returns the `Cargo.lock` with the versions of all dependencies that Lback was tested with. Cargo removes those that
    /// the project does not use.
    pub fn lock(&self) -> Option<String> {
        let Source::Checkout(root) = self else { return None };
        fs::read_to_string(root.join("Cargo.lock")).ok()
    }
}

fn checkout(folder: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).ok()?;
    folder.join("lback/Cargo.toml").is_file().then_some(folder)
}
