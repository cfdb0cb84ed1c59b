//! Finds the project's folder.

use std::path::{Path, PathBuf};

use super::Environment;
use super::error::{Kind, SettingsError};
use super::load::FILE;

/// Finds the project's folder, which contains `settings.toml`: the current folder, or else the folder in the variable `LBACK_ROOT`,
/// or else the folder in `CARGO_MANIFEST_DIR`, which cargo sets for the programs that it runs.
///
/// # Errors
///
/// Returns an error if none of them contains a `settings.toml`, or if `LBACK_ROOT` is set, is needed, and does not lead to one.
///
/// ```no_run
/// use lback::settings::{Environment, Settings, find_root};
///
/// let environment = Environment::of_process();
/// let settings = Settings::load(find_root(&environment)?, &environment)?;
/// # Ok::<(), lback::settings::SettingsError>(())
/// ```
pub fn find_root(env: &Environment) -> Result<PathBuf, SettingsError> {
    // Even if the current folder has been deleted, one of the other two may work.
    find_root_from(&std::env::current_dir().unwrap_or_default(), env)
}

pub(super) fn find_root_from(current: &Path, env: &Environment) -> Result<PathBuf, SettingsError> {
    let has_settings = |folder: &Path| folder.join(FILE).is_file();
    if has_settings(current) {
        return Ok(current.to_path_buf());
    }
    if let Some(named) = env.get("LBACK_ROOT").filter(|named| !named.is_empty()) {
        let folder = current.join(named);
        if has_settings(&folder) {
            return Ok(folder);
        }
        return Err(SettingsError::new(
            Kind::MissingFile,
            format!(
                "LBACK_ROOT names the folder {}, which does not contain {FILE}. Set LBACK_ROOT to the project's folder, or unset it.",
                folder.display()
            ),
        ));
    }
    let manifest = env.get("CARGO_MANIFEST_DIR").map(PathBuf::from);
    match manifest {
        Some(folder) if has_settings(&folder) => Ok(folder),
        manifest => {
            let or_in_manifest = manifest.map(|folder| format!(" or in {}", folder.display())).unwrap_or_default();
            Err(SettingsError::new(
                Kind::MissingFile,
                format!(
                    "there is no {FILE} in the current folder {}{or_in_manifest}. Change to the project's folder, set LBACK_ROOT to it, or \
                     create an empty {FILE} in it.",
                    current.display()
                ),
            ))
        }
    }
}
