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
mod runserver;
mod staging;
mod startapp;
mod startproject;
mod timestamp;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = cli::command();
    // What is not known here may be a command of the project's own.
    let matches = command.clone().allow_external_subcommands(true).get_matches();
    match cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&command, &error);
            ExitCode::from(error.code())
        }
    }
}
