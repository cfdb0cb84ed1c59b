//! The command `help` and the option `--help`.

use super::spec::{Arguments, COMMANDS, OF_APPLICATION};
use super::{CommandSpec, names};

/// Returns the command as it is listed. [`asked_for`] handles it before any command runs.
pub(super) fn command() -> CommandSpec {
    CommandSpec::new("help", "[COMMAND]  shows this help, or the help of a command", |_| Ok(()))
}

/// The parts of a command's help text: its arguments, if any, followed by two spaces; its description, on the same line; and
/// further lines, which only `--help` shows.
struct HelpText<'a> {
    arguments: &'a str,
    about: &'a str,
    more: &'a str,
}

impl<'a> HelpText<'a> {
    fn parse(text: &'a str) -> Self {
        let (line, more) = text.split_once('\n').unwrap_or((text, ""));
        let (arguments, about) = line.split_once("  ").unwrap_or(("", line));
        HelpText { arguments, about, more: more.trim() }
    }

    fn usage(&self, name: &str) -> String {
        format!("{name} {}", self.arguments).trim_end().to_owned()
    }
}

/// Returns the output of `help`.
fn help(commands: &[CommandSpec]) -> String {
    let usage = |command: &CommandSpec| HelpText::parse(command.about).usage(command.name);
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
            shown.push_str(&format!("  {:<width$}  {}\n", usage(command), HelpText::parse(command.about).about));
        }
    }
    shown
        + "\nCOMMAND --help shows more about a command. Settings are read from settings.toml in the current folder, or in the folder LBACK_ROOT."
}

/// Returns the help to show, if the command line asks for help.
pub(super) fn asked_for(words: &[&str], commands: &[CommandSpec]) -> Option<Result<String, String>> {
    let is_help = |word: &&str| matches!(*word, "--help" | "-h");
    match *words {
        ["help" | "--help" | "-h"] | ["--help" | "-h", "--help" | "-h", ..] => Some(Ok(help(commands))),
        ["help" | "--help" | "-h", ref name, ..] if !is_help(name) => Some(of_command(name, commands)),
        [name, ref rest @ ..] => {
            let is_foreign = commands.iter().any(|command| command.name == name && matches!(command.arguments, Arguments::Foreign));
            let is_asked = if is_foreign { rest.first().is_some_and(is_help) } else { rest.iter().any(is_help) };
            is_asked.then(|| of_command(name, commands))
        }
        [] => None,
    }
}

/// Returns the output of `--help` for one command.
///
/// # Errors
/// Returns an error if the command does not exist.
fn of_command(name: &str, commands: &[CommandSpec]) -> Result<String, String> {
    let Some(command) = commands.iter().find(|command| command.name == name) else { return Err(names::unknown(name, commands)) };
    let text = HelpText::parse(command.about);
    let mut about = text.about.chars();
    let about: String = about.next().into_iter().flat_map(char::to_uppercase).chain(about).collect();
    let stop = if about.is_empty() || about.ends_with(['.', '!', '?']) { "" } else { "." };
    Ok(format!("Usage: {}\n\n{about}{stop}\n\n{}", text.usage(name), text.more).trim_end().to_owned())
}
