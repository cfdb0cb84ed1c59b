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
    let about = "[DIR]  copies the static files into DIR, for another server to serve
Each under its own name and under the one with its hash. Without DIR, into the folder staticfiles of the project.";
    CommandSpec::new("collectstatic", about, |command| collectstatic(command.ready(), command.arguments().first().map(String::as_str)))
        .arguments(at_most_one)
}

/// Copies every static file into `folder`, under its own name and under the one with its hash. What is there already stays.
///
/// # Errors
/// Where there are no static files, `folder` cannot hold them, or one cannot be copied; those before it were.
fn collectstatic(ready: &Ready, folder: Option<&str>) -> Result<()> {
    let from = ready.app.static_dir();
    let to = match folder {
        Some(folder) => std::path::absolute(folder)?,
        None => ready.app.root().join("staticfiles"),
    };
    let Ok(source) = from.canonicalize() else {
        return Err(Error::internal(format!("there is no folder {}; STATIC_DIR in settings.toml names it", from.display())));
    };
    let target = real(&to)?;
    if target.starts_with(&source) || source.starts_with(&target) {
        return Err(Error::internal(format!(
            "{} and the static files in {} would lie inside each other. Name another folder: collectstatic /srv/mysite/static",
            to.display(),
            from.display()
        )));
    }
    let names = StaticNames::read(&source)?;
    let (mut copied, mut same) = (0, 0);
    for (plain, hashed) in names.iter() {
        for name in [plain, hashed] {
            if copy(&source.join(plain), &target.join(name))? { copied += 1 } else { same += 1 }
        }
    }
    let unchanged = if same > 0 { format!("; {same} were there already") } else { String::new() };
    println!("copied {copied} files to {}{unchanged}", to.display());
    Ok(())
}

/// The folder as it is on the disk, also where it is still to be made.
fn real(folder: &Path) -> Result<PathBuf> {
    let there = folder.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = there else { return Ok(folder.to_owned()) };
    let rest = folder.strip_prefix(above)?;
    if rest.components().any(|part| part == std::path::Component::ParentDir) {
        return Err(Error::internal(format!("{} does not exist, and cannot be made because of the .. in it", folder.display())));
    }
    Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
}

/// Copies a file, at once as far as a reader can see, and says whether that was necessary.
fn copy(from: &Path, to: &Path) -> Result<bool> {
    let cannot = |error: io::Error| Error::internal(format!("cannot copy {} to {}", from.display(), to.display())).with_source(error);
    if is_same(from, to).map_err(cannot)? {
        return Ok(false);
    }
    let copy = || -> io::Result<()> {
        let folder = to.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut beside = NamedTempFile::new_in(folder)?;
        io::copy(&mut File::open(from)?, beside.as_file_mut())?;
        // Another server must be able to read it, as it could read the original.
        beside.as_file().set_permissions(from.metadata()?.permissions())?;
        beside.persist(to)?;
        Ok(())
    };
    copy().map_err(cannot)?;
    Ok(true)
}

/// Do both hold the same bytes? Not, where `to` does not exist.
fn is_same(from: &Path, to: &Path) -> io::Result<bool> {
    match to.metadata() {
        Ok(there) if there.is_file() && there.len() == from.metadata()?.len() => {}
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
