//! The application's command line, with one file per command. The commands of a battery are in the battery's crate.

mod check;
pub(crate) mod clearsessions;
mod collectstatic;
#[cfg(feature = "compression")]
mod compressstatic;
mod context;
pub(crate) mod copydata;
pub(crate) mod dbshell;
mod help;
pub(crate) mod migrate;
mod names;
pub(crate) mod rollback;
mod routes;
pub(crate) mod serve;
pub(crate) mod showmigrations;
mod spec;
pub(crate) mod sqlmigrate;
pub(crate) mod squashmigrations;

pub use context::Command;
pub(crate) use names::unknown;
pub use spec::CommandSpec;

use lback_core::ProgramResult;

use crate::battery::Battery;

/// A parsed command line.
pub(crate) enum Task {
    Help(String),
    Run(CommandSpec, Vec<String>),
}

/// Returns the commands of an application: the built-in ones, those of its batteries, and its own.
///
/// # Errors
/// Returns an error if a command's name is invalid or already taken.
pub(crate) fn all(batteries: &[Box<dyn Battery>], own: Vec<CommandSpec>) -> ProgramResult<Vec<CommandSpec>> {
    let of_batteries = batteries.iter().flat_map(|battery| battery.commands());
    let mut all = vec![serve::command()];
    all.extend(of_batteries);
    all.extend([routes::command(), collectstatic::command()]);
    #[cfg(feature = "compression")]
    all.push(compressstatic::command());
    all.extend([check::command(), help::command()]);
    all.extend(own);
    names::check(&all)?;
    Ok(all)
}

impl Task {
    /// Parses `arguments`, of which the first is the name of a command. Without arguments, the command is `serve`.
    pub(crate) fn parse(arguments: &[String], mut commands: Vec<CommandSpec>) -> Result<Self, String> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if let Some(help) = help::asked_for(&words, &commands) {
            return help.map(Task::Help);
        }
        let (name, rest) = words.split_first().map_or(("serve", [].as_slice()), |(name, rest)| (*name, rest));
        let Some(at) = commands.iter().position(|command| command.name == name) else {
            return Err(names::unknown(name, &commands));
        };
        let command = commands.swap_remove(at);
        command.accepts(rest)?;
        Ok(Task::Run(command, rest.iter().map(|&word| word.to_owned()).collect()))
    }
}
