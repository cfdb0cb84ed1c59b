//! Finds the project that contains the current folder.

use std::env;
use std::path::PathBuf;

use crate::error::{Error, Result};

/// Returns the folder of the project: the nearest one, from the current folder upwards, that contains `settings.toml` and
/// `Cargo.toml`.
pub fn root() -> Result<PathBuf> {
    let here = env::current_dir().map_err(|error| Error::io("find", ".".as_ref(), error))?;
    let mut incomplete = None;
    for folder in here.ancestors() {
        let settings = folder.join("settings.toml").is_file();
        let cargo = folder.join("Cargo.toml").is_file();
        if settings && cargo {
            return Ok(folder.to_owned());
        }
        if settings && incomplete.is_none() {
            incomplete = Some(folder.to_owned());
        }
    }
    if let Some(folder) = incomplete {
        return Err(Error::new(
            format!("{} contains a settings.toml but no Cargo.toml, so it is not a complete project", folder.display()),
            "Restore its Cargo.toml, or create another project: lback startproject mysite",
        ));
    }
    Err(Error::new(
        format!("there is no project here: neither {} nor a parent folder contains a settings.toml and a Cargo.toml", here.display()),
        "Change to the project's folder, or create a project: lback startproject mysite",
    ))
}
