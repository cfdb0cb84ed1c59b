//! The project that the current folder belongs to.

use std::env;
use std::path::PathBuf;

use crate::error::{Error, Result};

/// The folder of the project: the nearest one, from the current folder upwards, that holds `settings.toml` and `Cargo.toml`.
pub fn root() -> Result<PathBuf> {
    let here = env::current_dir().map_err(|error| Error::io("find", ".".as_ref(), error))?;
    let mut half = None;
    for folder in here.ancestors() {
        let settings = folder.join("settings.toml").is_file();
        let cargo = folder.join("Cargo.toml").is_file();
        if settings && cargo {
            return Ok(folder.to_owned());
        }
        if settings && half.is_none() {
            half = Some(folder.to_owned());
        }
    }
    if let Some(half) = half {
        return Err(Error::new(
            format!("{} holds a settings.toml and no Cargo.toml, so it is not a whole project", half.display()),
            "Put its Cargo.toml back, or make another project: lback startproject mysite",
        ));
    }
    Err(Error::new(
        format!("there is no project here: neither {} nor a folder above it holds a settings.toml and a Cargo.toml", here.display()),
        "Change to the project's folder, or make a project: lback startproject mysite",
    ))
}
