//! [`CommandSpec`], the definition of a command: its name, help text, arguments and function.

use std::fmt;

use lback_core::ProgramResult;

use super::Command;

type Run = Box<dyn Fn(&mut Command) -> ProgramResult + Send + Sync>;
type Accepts = fn(&[&str]) -> Result<(), String>;

/// The definition of a command that a battery adds to an application's command line.
///
/// ```
/// use lback::app::CommandSpec;
///
/// let command = CommandSpec::new("whatsthetime", "prints the time", |command| {
///     let now = command.now();
///     command.print(now);
///     Ok(())
/// });
/// # let _ = command;
/// ```
#[must_use = "a command exists only in an application that it is added to"]
pub struct CommandSpec {
    pub(crate) name: &'static str,
    pub(super) about: &'static str,
    /// The heading under which `help` lists the command.
    pub(super) section: &'static str,
    pub(super) arguments: Arguments,
    run: Run,
}

impl fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandSpec").field("name", &self.name).field("about", &self.about).finish_non_exhaustive()
    }
}

/// Who parses the arguments of a command.
pub(super) enum Arguments {
    /// The command itself. `--help` may be anywhere among the arguments.
    Own,
    /// Another program, or code of the application. Only a `--help` directly after the name is handled here.
    Foreign,
    /// The command, after this function has validated them before anything is started.
    Checked(Accepts),
}

pub(super) const COMMANDS: &str = "Commands";
pub(super) const OF_APPLICATION: &str = "Commands of this application";

impl CommandSpec {
    /// Creates a command, which reads its arguments with [`Command::argument`].
    ///
    /// `about` is the description that `help` shows. It may begin with the command's arguments and two spaces:
    /// `"[ID]  counts the posts after this one"`. Lines after the first are shown by `--help` only.
    pub fn new(name: &'static str, about: &'static str, run: impl Fn(&mut Command) -> ProgramResult + Send + Sync + 'static) -> Self {
        CommandSpec { name, about, section: COMMANDS, arguments: Arguments::Own, run: Box::new(run) }
    }

    /// Creates a command that the application adds itself.
    pub(crate) fn of_application(
        name: &'static str,
        about: &'static str,
        run: impl Fn(&mut Command) -> ProgramResult + Send + Sync + 'static,
    ) -> Self {
        let command = CommandSpec::new(name, about, run).section(OF_APPLICATION);
        CommandSpec { arguments: Arguments::Foreign, ..command }
    }

    /// Lists the command under another heading in the output of `help`.
    pub fn section(mut self, heading: &'static str) -> Self {
        self.section = heading;
        self
    }

    /// Validates arguments before anything is started. `check` returns a message that describes the problem; if it is empty,
    /// a general message is printed.
    pub fn arguments(mut self, check: fn(&[&str]) -> Result<(), String>) -> Self {
        self.arguments = Arguments::Checked(check);
        self
    }

    /// Passes all arguments to another program, except a `--help` directly after the name.
    pub(super) fn foreign_arguments(mut self) -> Self {
        self.arguments = Arguments::Foreign;
        self
    }

    pub(super) fn accepts(&self, arguments: &[&str]) -> Result<(), String> {
        match self.arguments {
            Arguments::Checked(check) => {
                check(arguments).map_err(|problem| if problem.is_empty() { self.does_not_take(arguments) } else { problem })
            }
            Arguments::Own | Arguments::Foreign => Ok(()),
        }
    }

    fn does_not_take(&self, arguments: &[&str]) -> String {
        format!("{} does not take \"{}\"; see help", self.name, arguments.join(" "))
    }

    pub(crate) fn serves(&self) -> bool {
        self.name == super::serve::NAME
    }

    pub(super) fn call(&self, command: &mut Command) -> ProgramResult {
        (self.run)(command)
    }
}

/// Accepts no arguments, for [`CommandSpec::arguments`].
pub(super) fn none(arguments: &[&str]) -> Result<(), String> {
    if arguments.is_empty() { Ok(()) } else { Err(String::new()) }
}

/// Accepts at most one argument, for [`CommandSpec::arguments`].
pub(super) fn at_most_one(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] => Ok(()),
        [word] if !word.starts_with('-') => Ok(()),
        _ => Err(String::new()),
    }
}
