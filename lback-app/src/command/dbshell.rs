//! The command `dbshell`.

use std::io::ErrorKind;
use std::process;

use lback_core::{ProgramError, ProgramResult};
use lback_db::Applied;

use super::CommandSpec;
use crate::assemble::Ready;
use crate::migrate::migrations;
use crate::run::program;

pub(crate) fn command() -> CommandSpec {
    let about = "[ARGS]  opens the database shell: sqlite3 or psql
ARGS are passed to the shell: dbshell -- \"SELECT count(*) FROM sessions\". The shell must be installed.";
    CommandSpec::new("dbshell", about, |command| {
        let arguments = command.arguments();
        let arguments = if arguments.first().is_some_and(|first| first == "--") { &arguments[1..] } else { arguments };
        dbshell(command.ready(), arguments)
    })
    .foreign_arguments()
}

/// Replaces this process with the database shell, which gets `arguments` in addition to the connection.
///
/// # Errors
/// Returns an error if there is no database or its shell is not installed. Otherwise, this function does not return.
fn dbshell(ready: &Ready, arguments: &[String]) -> ProgramResult {
    let database = ready.database()?;
    // Not an error: a dump is restored into an empty database.
    if migrations(&ready.app)?.status(database).is_ok_and(|all| !all.is_empty() && all.iter().all(|one| one.state == Applied::No)) {
        eprintln!("note: the database has no tables yet; create them with: {} migrate", program());
    }
    let mut shell = database.shell();
    let error = replace_with(shell.args(arguments));
    let name = shell.get_program().to_string_lossy();
    let package = if name == "psql" { "postgresql-client" } else { &name };
    let message = match error.kind() {
        ErrorKind::NotFound => {
            format!("{name} was not found. Install it, for example on Debian and Ubuntu: apt install {package}")
        }
        _ => format!("{name} could not be started"),
    };
    Err(ProgramError::new(message).with_source(error))
}

/// Replaces this process with `program`, which then receives all input and Ctrl-C, and whose exit code becomes ours.
#[cfg(unix)]
fn replace_with(program: &mut process::Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(program)
}

#[cfg(not(unix))]
fn replace_with(program: &mut process::Command) -> std::io::Error {
    match program.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
