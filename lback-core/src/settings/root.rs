//! Finding the project's folder.

use std::path::{Path, PathBuf};

use super::Environment;
use super::error::{Kind, SettingsError};
use super::load::FILE;

/// The project's folder: the current one where it holds a `settings.toml`, else the one that the
/// variable `LBACK_ROOT` names, else `CARGO_MANIFEST_DIR`, which cargo sets for what it runs.
///
/// # Errors
///
/// When none of them holds a `settings.toml`, or `LBACK_ROOT` is looked at and holds none.
///
/// ```no_run
/// use lback_core::settings::{Environment, Settings, find_root};
///
/// let environment = Environment::of_process();
/// let settings = Settings::load(find_root(&environment)?, &environment)?;
/// # Ok::<(), lback_core::settings::SettingsError>(())
/// ```
pub fn find_root(env: &Environment) -> Result<PathBuf, SettingsError> {
    // A current folder that was deleted is no reason to fail: the other two may serve.
    find_root_from(&std::env::current_dir().unwrap_or_default(), env)
}

pub(super) fn find_root_from(current: &Path, env: &Environment) -> Result<PathBuf, SettingsError> {
    let holds_settings = |folder: &Path| folder.join(FILE).is_file();
    if holds_settings(current) {
        return Ok(current.to_path_buf());
    }
    if let Some(named) = env.get("LBACK_ROOT").filter(|named| !named.is_empty()) {
        let folder = current.join(named);
        if holds_settings(&folder) {
            return Ok(folder);
        }
        return Err(SettingsError::new(
            Kind::MissingFile,
            format!(
                "LBACK_ROOT names the folder {}, which holds no {FILE}. Set LBACK_ROOT to the project's folder, or unset it.",
                folder.display()
            ),
        ));
    }
    let manifest = env.get("CARGO_MANIFEST_DIR").map(PathBuf::from);
    match manifest {
        Some(folder) if holds_settings(&folder) => Ok(folder),
        manifest => {
            let looked = manifest.map(|folder| format!(" nor in {}", folder.display())).unwrap_or_default();
            Err(SettingsError::new(
                Kind::MissingFile,
                format!(
                    "there is no {FILE} in the current folder {}{looked}. Change to the project's folder, set LBACK_ROOT to it, or make an empty {FILE} in it.",
                    current.display()
                ),
            ))
        }
    }
}
