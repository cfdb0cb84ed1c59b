//! The `lback` command. It creates projects and apps, and passes all other commands to the project's program.
//!
//! `lback --help` lists the commands. Each one has its own file; [`cli`] defines their arguments.

#![expect(unreachable_pub, reason = "a program has no public API")]

mod adddatabase;
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
    // An unknown command may be a command of the project's program.
    let matches = command.clone().allow_external_subcommands(true).get_matches();
    match cli::run(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&command, &error);
            ExitCode::from(error.code())
        }
    }
}
