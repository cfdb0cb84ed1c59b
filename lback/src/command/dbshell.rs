//! The command `dbshell`.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::Command;

use lback_core::{Error, Result};
use lback_db::Kind;
use lback_db::migrations::Applied;

use super::missing;
use crate::app::Ready;
use crate::run::program;

/// The program that speaks to a database.
struct Shell {
    name: &'static str,
    /// The Debian package that holds it.
    package: &'static str,
    arguments: Vec<OsString>,
}

/// The shell for the database of this kind at `place`: a file's path.
fn shell(kind: Kind, place: &OsStr) -> Shell {
    match kind {
        Kind::Sqlite => Shell { name: "sqlite3", package: "sqlite3", arguments: vec![place.to_owned()] },
    }
}

/// Becomes the database's shell, with `arguments` behind its own.
///
/// # Errors
/// Where there is no database, or its shell is not installed. Otherwise this does not return.
pub(super) fn dbshell(ready: &Ready, arguments: &[String]) -> Result<()> {
    let database = ready.database()?;
    let place = database.path().ok_or_else(|| missing("database that has a shell"))?;
    // Whoever brings a dump needs an empty database, so this is no error.
    if ready.migrations.status(database).is_ok_and(|all| !all.is_empty() && all.iter().all(|one| one.state == Applied::No)) {
        eprintln!("note: there are no tables in {} yet; this makes them: {} migrate", place.display(), program());
    }
    let shell = shell(database.kind(), place.as_os_str());
    let mut command = Command::new(shell.name);
    command.args(&shell.arguments).args(arguments);
    let error = replace_by(&mut command);
    let message = match error.kind() {
        ErrorKind::NotFound => {
            format!("{} was not found. Install it; on Debian and Ubuntu: apt install {}", shell.name, shell.package)
        }
        _ => format!("{} cannot be run", shell.name),
    };
    Err(Error::internal(message).with_source(error))
}

/// This process becomes the other: what is typed and Ctrl-C are its own, and its exit code is ours.
#[cfg(unix)]
fn replace_by(program: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(program)
}

#[cfg(not(unix))]
fn replace_by(program: &mut Command) -> std::io::Error {
    match program.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
