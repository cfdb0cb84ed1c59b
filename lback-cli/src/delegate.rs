//! Commands that the project's own binary does, or cargo.

use std::env;
use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal};
use std::process::Command;

use crate::error::{Error, Result};
use crate::project;

/// Has the project's binary run `command` with `arguments`, after building it.
///
/// # Errors
/// Where there is no project, or no cargo. Otherwise this does not return: the program ends with the binary's exit code.
pub fn to_project<A: AsRef<OsStr>>(command: &str, arguments: impl IntoIterator<Item = A>) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.arg("run");
    // The first build takes minutes, in which somebody wants to see that something is going on.
    if !std::io::stderr().is_terminal() {
        cargo.arg("--quiet");
    }
    cargo.args(["--", command]).args(arguments);
    become_program(cargo)
}

/// Runs the project's tests, as [`to_project`] runs its binary. What follows `lback test` is cargo's to understand, and
/// taken as it was written: a `--` in it means something there.
pub fn to_tests() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.arg("test").args(env::args_os().skip(2));
    become_program(cargo)
}

fn become_program(mut program: Command) -> Result<()> {
    program.current_dir(project::root()?);
    let error = replace_by(&mut program);
    if error.kind() == ErrorKind::NotFound {
        return Err(Error::no_cargo());
    }
    Err(Error::io("run", "cargo".as_ref(), error))
}

/// This process becomes the other program: signals reach it, its exit code is ours, and nothing is left behind.
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
