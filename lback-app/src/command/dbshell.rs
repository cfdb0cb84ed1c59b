//! The command `dbshell`.

use std::io::ErrorKind;
use std::process;

use lback_core::{Error, Result};
use lback_db::Applied;

use super::CommandSpec;
use crate::assemble::Ready;
use crate::migrate::migrations;
use crate::run::program;

pub(crate) fn command() -> CommandSpec {
    let about = "[ARGS]  opens the database's own shell: sqlite3, psql
ARGS are the shell's: dbshell -- \"SELECT count(*) FROM sessions\". It must be installed.";
    CommandSpec::new("dbshell", about, |command| {
        let arguments = command.arguments();
        let arguments = if arguments.first().is_some_and(|first| first == "--") { &arguments[1..] } else { arguments };
        dbshell(command.ready(), arguments)
    })
    .foreign_arguments()
}

/// Becomes the database's shell, with `arguments` behind its own.
///
/// # Errors
/// If there is no database, or its shell is not installed. Otherwise this does not return.
fn dbshell(ready: &Ready, arguments: &[String]) -> Result<()> {
    let database = ready.database()?;
    // Whoever brings a dump needs an empty database, so this is no error.
    if migrations(&ready.app)?.status(database).is_ok_and(|all| !all.is_empty() && all.iter().all(|one| one.state == Applied::No)) {
        eprintln!("note: there are no tables in the database yet; this makes them: {} migrate", program());
    }
    let mut shell = database.shell();
    let error = replace_by(shell.args(arguments));
    let name = shell.get_program().to_string_lossy();
    let package = if name == "psql" { "postgresql-client" } else { &name };
    let message = match error.kind() {
        ErrorKind::NotFound => {
            format!("{name} was not found. Install it; on Debian and Ubuntu: apt install {package}")
        }
        _ => format!("{name} cannot be run"),
    };
    Err(Error::internal(message).with_source(error))
}

/// This process becomes the other: what is typed and Ctrl-C are its own, and its exit code is ours.
#[cfg(unix)]
fn replace_by(program: &mut process::Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(program)
}

#[cfg(not(unix))]
fn replace_by(program: &mut process::Command) -> std::io::Error {
    match program.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
