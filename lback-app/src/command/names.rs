//! What commands are called: those that every application has, those of the `lback` command, and the application's own.

use lback_core::{Error, Result};

use super::CommandSpec;
use super::spec::OF_APPLICATION;

/// What the `lback` command does itself, so that `lback NAME` would never come to the application.
const OF_LBACK: [&str; 8] = ["startproject", "new", "startapp", "makemigrations", "runserver", "run", "test", "completions"];

/// Returns the error for an unknown command, with the one that was probably meant.
pub(crate) fn unknown(name: &str, commands: &[CommandSpec]) -> String {
    let known: Vec<&str> = commands.iter().map(|command| command.name).collect();
    let meant = lback_core::settings::nearest(name, &[known.as_slice(), OF_LBACK.as_slice()].concat());
    match meant {
        Some(meant) if OF_LBACK.contains(&meant) => format!("there is no command \"{name}\"; did you mean lback {meant}?"),
        Some(meant) => format!("there is no command \"{name}\"; did you mean {meant}?"),
        None => format!("there is no command \"{name}\"; there are {}", known.join(", ")),
    }
}

/// Refuses names that would never be reached or that could not be typed.
pub(super) fn check(commands: &[CommandSpec]) -> Result<()> {
    for (at, CommandSpec { name, section, .. }) in commands.iter().enumerate() {
        let before = commands[..at].iter().find(|before| before.name == *name);
        let wrong = match before {
            Some(before) if before.section == OF_APPLICATION => "two commands have this name",
            Some(_) => "the application has a command of this name already",
            None if OF_LBACK.contains(name) => "the lback command has one of this name itself",
            None if name.is_empty() || name.starts_with('-') || name.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                "a name is a word such as countposts"
            }
            None => continue,
        };
        let place = if *section == OF_APPLICATION { "App::command(" } else { "CommandSpec::new(" };
        return Err(Error::internal(format!("{place}\"{name}\", …): {wrong}. Choose another name")));
    }
    Ok(())
}
