//! What `help` and `--help` say.

use super::spec::{Arguments, COMMANDS, OF_APPLICATION};
use super::{CommandSpec, names};

/// Listed like the others; [`asked_for`] answers before any command runs.
pub(super) fn command() -> CommandSpec {
    CommandSpec::new("help", "[COMMAND]  shows this, or what a command takes", |_| Ok(()))
}

/// What is said of a command, in a text: its arguments and two spaces, where it has any; what it does, in a line; and in further
/// lines what else is to be known, which only `--help` shows.
struct Said<'a> {
    arguments: &'a str,
    about: &'a str,
    more: &'a str,
}

impl<'a> Said<'a> {
    fn of(text: &'a str) -> Self {
        let (line, more) = text.split_once('\n').unwrap_or((text, ""));
        let (arguments, about) = line.split_once("  ").unwrap_or(("", line));
        Said { arguments, about, more: more.trim() }
    }

    fn usage(&self, name: &str) -> String {
        format!("{name} {}", self.arguments).trim_end().to_owned()
    }
}

/// What the command `help` shows.
fn help(commands: &[CommandSpec]) -> String {
    let usage = |command: &CommandSpec| Said::of(command.about).usage(command.name);
    let width = commands.iter().map(|command| usage(command).chars().count()).max().unwrap_or(0);
    let mut sections = vec![COMMANDS];
    for section in commands.iter().map(|command| command.section).filter(|section| *section != OF_APPLICATION) {
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    sections.push(OF_APPLICATION);
    let mut shown = "Usage: [COMMAND]\n".to_owned();
    for section in sections {
        let inside: Vec<_> = commands.iter().filter(|command| command.section == section).collect();
        if inside.is_empty() {
            continue;
        }
        shown.push_str(&format!("\n{section}:\n"));
        for command in inside {
            shown.push_str(&format!("  {:<width$}  {}\n", usage(command), Said::of(command.about).about));
        }
    }
    shown
        + "\nCOMMAND --help says more of one. The settings are read from settings.toml in this folder, or in the one that LBACK_ROOT names."
}

/// What is shown, if help is all that is asked for.
pub(super) fn asked_for(words: &[&str], commands: &[CommandSpec]) -> Option<Result<String, String>> {
    let is_help = |word: &&str| matches!(*word, "--help" | "-h");
    match *words {
        ["help" | "--help" | "-h"] | ["--help" | "-h", "--help" | "-h", ..] => Some(Ok(help(commands))),
        ["help" | "--help" | "-h", ref name, ..] if !is_help(name) => Some(of_command(name, commands)),
        [name, ref rest @ ..] => {
            let is_foreign = commands.iter().any(|command| command.name == name && matches!(command.arguments, Arguments::Foreign));
            let asked = if is_foreign { rest.first().is_some_and(is_help) } else { rest.iter().any(is_help) };
            asked.then(|| of_command(name, commands))
        }
        [] => None,
    }
}

/// What `--help` shows of one command.
///
/// # Errors
/// If there is no such command.
fn of_command(name: &str, commands: &[CommandSpec]) -> Result<String, String> {
    let Some(command) = commands.iter().find(|command| command.name == name) else { return Err(names::unknown(name, commands)) };
    let said = Said::of(command.about);
    let mut about = said.about.chars();
    let about: String = about.next().into_iter().flat_map(char::to_uppercase).chain(about).collect();
    let stop = if about.is_empty() || about.ends_with(['.', '!', '?']) { "" } else { "." };
    Ok(format!("Usage: {}\n\n{about}{stop}\n\n{}", said.usage(name), said.more).trim_end().to_owned())
}
