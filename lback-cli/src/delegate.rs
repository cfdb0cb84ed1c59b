//! Commands that the project's program or cargo runs.

use std::env;
use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};
use crate::project;

/// Builds the project's program, and runs its `command` with `arguments`.
///
/// # Errors
/// Returns an error if there is no project or no cargo. Otherwise, this function does not return, and the exit code is that
/// of the project's program.
pub fn to_project<A: AsRef<OsStr>>(command: &str, arguments: impl IntoIterator<Item = A>) -> Result<()> {
    let mut cargo = run_command();
    cargo.args(["--", command]).args(arguments);
    replace_with_cargo(cargo)
}

/// Returns `cargo run`.
fn run_command() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg("run");
    // The first build takes minutes, so cargo shows its progress on a terminal.
    if !std::io::stderr().is_terminal() {
        cargo.arg("--quiet");
    }
    cargo
}

/// Builds the program of the project in `root`, runs its command, and waits until it has ended.
///
/// # Errors
/// Returns an error if there is no cargo, the program does not compile, or the command fails; it has said why.
pub fn run_in_project(root: &Path, arguments: &[&str]) -> Result<()> {
    let status = run_command().arg("--").args(arguments).current_dir(root).status().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::no_cargo(),
        _ => Error::io("run", "cargo".as_ref(), error),
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(
        format!("the project's command {} failed, and no file of the project was changed", arguments.join(" ")),
        "The message above says why. Correct it, and try again.",
    ))
}

/// Runs the project's tests. The arguments after `lback test` are passed to cargo unchanged, because a `--` in them has a
/// meaning there.
///
/// See [`to_project`] for errors and the exit code.
pub fn to_tests() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.arg("test").args(env::args_os().skip(2));
    replace_with_cargo(cargo)
}

fn replace_with_cargo(mut cargo: Command) -> Result<()> {
    cargo.current_dir(project::root()?);
    let error = replace_with(&mut cargo);
    if error.kind() == ErrorKind::NotFound {
        return Err(Error::no_cargo());
    }
    Err(Error::io("run", "cargo".as_ref(), error))
}

/// Replaces this process with another program, which then receives signals, and whose exit code becomes ours.
#[cfg(unix)]
fn replace_with(program: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(program)
}

#[cfg(not(unix))]
fn replace_with(program: &mut Command) -> std::io::Error {
    match program.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
