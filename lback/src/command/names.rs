//! What commands are called: those that every application has, those of the `lback` command, and the application's own.

use lback_core::{Error, Result};

use super::help::BUILT_IN;
use super::own::OwnCommand;

/// What the `lback` command does itself, so that `lback NAME` would never come to the application.
const OF_LBACK: [&str; 8] = ["startproject", "new", "startapp", "makemigrations", "runserver", "run", "test", "completions"];

fn built_in() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// Does every application have a command of this name?
pub(super) fn is_built_in(name: &str) -> bool {
    built_in().any(|known| known == name)
}

/// Why the command `name` is not run: there is none, and perhaps another was meant.
pub(crate) fn unknown(name: &str, own: &[OwnCommand]) -> String {
    let own = own.iter().map(|command| command.name);
    let known: Vec<&str> = built_in().chain(own).collect();
    let meant = lback_core::settings::nearest(name, &[known.as_slice(), OF_LBACK.as_slice()].concat());
    match meant {
        Some(meant) if OF_LBACK.contains(&meant) => format!("there is no command \"{name}\"; did you mean lback {meant}?"),
        Some(meant) => format!("there is no command \"{name}\"; did you mean {meant}?"),
        None => format!("there is no command \"{name}\"; there are {}", known.join(", ")),
    }
}

/// Refuses names that would never be reached or that could not be typed.
pub(crate) fn check(own: &[OwnCommand]) -> Result<()> {
    for (at, OwnCommand { name, .. }) in own.iter().enumerate() {
        let wrong = if is_built_in(name) {
            "every application has a command of this name already"
        } else if OF_LBACK.contains(name) {
            "the lback command has one of this name itself"
        } else if name.is_empty() || name.starts_with('-') || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            "a name is a word such as countposts"
        } else if own[..at].iter().any(|before| before.name == *name) {
            "two commands have this name"
        } else {
            continue;
        };
        return Err(Error::internal(format!("App::command(\"{name}\", …): {wrong}. Choose another name")));
    }
    Ok(())
}
