//! The command `collectstatic`.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use lback_core::{Error, Result, StaticNames};
use tempfile::NamedTempFile;

use super::CommandSpec;
use super::spec::at_most_one;
use crate::assemble::Ready;

pub(super) fn command() -> CommandSpec {
    let about = "[DIR]  copies the static files to DIR, for another server to serve
Each file is copied under its own name and under its name with a hash. The default for DIR is the project's folder staticfiles.";
    CommandSpec::new("collectstatic", about, |command| collectstatic(command.ready(), command.arguments().first().map(String::as_str)))
        .arguments(at_most_one)
}

/// Copies every static file into `folder`, under its own name and under its name with a hash. Other files in the folder are
/// kept.
///
/// # Errors
/// Returns an error if there is no folder of static files, `folder` overlaps with it, or a file cannot be copied. Earlier
/// files then have been copied.
fn collectstatic(ready: &Ready, folder: Option<&str>) -> Result<()> {
    let from = ready.app.static_dir();
    let to = match folder {
        Some(folder) => std::path::absolute(folder)?,
        None => ready.app.root().join("staticfiles"),
    };
    let Ok(source) = from.canonicalize() else {
        return Err(Error::internal(format!("the folder {} does not exist; it is named by STATIC_DIR in settings.toml", from.display())));
    };
    let target = real(&to)?;
    if target.starts_with(&source) || source.starts_with(&target) {
        return Err(Error::internal(format!(
            "{} and the folder of static files, {}, must not contain each other. Name another folder: collectstatic /srv/mysite/static",
            to.display(),
            from.display()
        )));
    }
    let names = StaticNames::read(&source)?;
    let (mut copied, mut unchanged) = (0, 0);
    for (plain, hashed) in names.iter() {
        for name in [plain, hashed] {
            if copy(&source.join(plain), &target.join(name))? { copied += 1 } else { unchanged += 1 }
        }
    }
    let unchanged = if unchanged > 0 { format!("; {unchanged} were unchanged") } else { String::new() };
    println!("copied {copied} files to {}{unchanged}", to.display());
    Ok(())
}

/// Returns the canonical path of the folder, which does not have to exist yet.
fn real(folder: &Path) -> Result<PathBuf> {
    let existing = folder.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = existing else { return Ok(folder.to_owned()) };
    let rest = folder.strip_prefix(above)?;
    if rest.components().any(|part| part == std::path::Component::ParentDir) {
        return Err(Error::internal(format!("{} does not exist, and cannot be created because its path contains ..", folder.display())));
    }
    Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
}

/// Copies a file atomically. Returns whether that was necessary.
fn copy(from: &Path, to: &Path) -> Result<bool> {
    let failed = |error: io::Error| Error::internal(format!("cannot copy {} to {}", from.display(), to.display())).with_source(error);
    if is_same(from, to).map_err(failed)? {
        return Ok(false);
    }
    let copy = || -> io::Result<()> {
        let folder = to.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut temporary = NamedTempFile::new_in(folder)?;
        io::copy(&mut File::open(from)?, temporary.as_file_mut())?;
        // The other server must be able to read the copy, as it could read the original.
        temporary.as_file().set_permissions(from.metadata()?.permissions())?;
        temporary.persist(to)?;
        Ok(())
    };
    copy().map_err(failed)?;
    Ok(true)
}

/// Returns whether both files have the same content. Returns `false` if `to` does not exist.
fn is_same(from: &Path, to: &Path) -> io::Result<bool> {
    match to.metadata() {
        Ok(existing) if existing.is_file() && existing.len() == from.metadata()?.len() => {}
        _ => return Ok(false),
    }
    let (mut one, mut other) = (BufReader::new(File::open(from)?), BufReader::new(File::open(to)?));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let common = left.len().min(right.len());
        if left[..common] != right[..common] || (common == 0 && left.len() != right.len()) {
            return Ok(false);
        }
        if common == 0 {
            return Ok(true);
        }
        one.consume(common);
        other.consume(common);
    }
}
