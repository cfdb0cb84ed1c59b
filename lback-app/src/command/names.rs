//! Checks the names of commands, and suggests one for a name that does not exist.

use lback_core::{ProgramError, ProgramResult};

use super::CommandSpec;
use super::spec::OF_APPLICATION;

/// The commands of `lback` itself. It would not pass `lback NAME` on to the application.
const OF_LBACK: [&str; 9] = ["startproject", "new", "startapp", "makemigrations", "adddatabase", "runserver", "run", "test", "completions"];

/// Returns whether `lback` passes the command on to applications with the battery that adds it.
fn is_delegated(name: &str, section: &str) -> bool {
    ["makemigrations", "adddatabase"].contains(&name) && section != OF_APPLICATION
}

/// Returns the message for an unknown command, with a similar name as a suggestion.
pub(crate) fn unknown(name: &str, commands: &[CommandSpec]) -> String {
    let known: Vec<&str> = commands.iter().map(|command| command.name).collect();
    let nearest = lback_core::settings::nearest(name, &[known.as_slice(), OF_LBACK.as_slice()].concat());
    match nearest {
        Some(suggestion) if OF_LBACK.contains(&suggestion) => format!("there is no command \"{name}\"; did you mean lback {suggestion}?"),
        Some(suggestion) => format!("there is no command \"{name}\"; did you mean {suggestion}?"),
        None => format!("there is no command \"{name}\"; the commands are {}", known.join(", ")),
    }
}

/// Returns an error if a command's name is invalid or already taken.
pub(super) fn check(commands: &[CommandSpec]) -> ProgramResult {
    for (at, CommandSpec { name, section, .. }) in commands.iter().enumerate() {
        let before = commands[..at].iter().find(|before| before.name == *name);
        let problem = match before {
            Some(before) if before.section == OF_APPLICATION => "two commands have this name",
            Some(_) => "every application already has a command with this name",
            None if OF_LBACK.contains(name) && !is_delegated(name, section) => "the lback program has a command with this name",
            None if name.is_empty() || name.starts_with('-') || name.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                "the name must be a single word such as countposts"
            }
            None => continue,
        };
        let place = if *section == OF_APPLICATION { "App::command(" } else { "CommandSpec::new(" };
        return Err(ProgramError::new(format!("{place}\"{name}\", …): {problem}. Choose another name")));
    }
    Ok(())
}
