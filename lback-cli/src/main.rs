//! The `lback` command: makes projects and the apps in them, and hands the rest to the project's own binary.
//!
//! `lback --help` lists what it does. Each command has a file of its own; [`cli`] says what they take.

mod cli;
mod completions;
mod database;
mod delegate;
mod edit;
mod error;
mod file;
mod migration;
mod name;
mod output;
mod project;
mod staging;
mod startapp;
mod startproject;
mod timestamp;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut command = cli::command();
    let matches = command.get_matches_mut();
    match cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&command, &error);
            ExitCode::from(error.code())
        }
    }
}
