//! What a command is: its name, what `help` says of it, and what it does.

use lback_core::Result;

use super::Command;

type Run = Box<dyn Fn(&mut Command) -> Result<()> + Send + Sync>;
type Accepts = fn(&[&str]) -> Result<(), String>;

/// A command that a battery adds to an application's command line.
///
/// ```
/// use lback::app::CommandSpec;
///
/// let command = CommandSpec::new("whatsthetime", "says what time it is", |command| {
///     let now = command.now();
///     command.print(now);
///     Ok(())
/// });
/// # let _ = command;
/// ```
pub struct CommandSpec {
    pub(crate) name: &'static str,
    pub(super) about: &'static str,
    /// The heading below which `help` lists it.
    pub(super) section: &'static str,
    pub(super) arguments: Arguments,
    run: Run,
}

/// What may stand behind a command's name.
pub(super) enum Arguments {
    /// What the command understands. `--help` may stand anywhere.
    Own,
    /// What another program, or the application's own code, understands. Only a `--help` directly behind the name is for us.
    Foreign,
    /// What this function accepts, which is asked before anything is started.
    Checked(Accepts),
}

pub(super) const COMMANDS: &str = "Commands";
pub(super) const OF_APPLICATION: &str = "Commands of this application";

impl CommandSpec {
    /// A command that reads its arguments itself, with [`Command::argument`].
    ///
    /// `about` is what `help` says of it. It may begin with the arguments and two spaces: `"[ID]  says how many posts there are
    /// behind one"`. What follows a first line is shown by `--help` only.
    pub fn new(name: &'static str, about: &'static str, run: impl Fn(&mut Command) -> Result<()> + Send + Sync + 'static) -> Self {
        CommandSpec { name, about, section: COMMANDS, arguments: Arguments::Own, run: Box::new(run) }
    }

    /// One that an application adds itself.
    pub(crate) fn of_application(
        name: &'static str,
        about: &'static str,
        run: impl Fn(&mut Command) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let command = CommandSpec::new(name, about, run).section(OF_APPLICATION);
        CommandSpec { arguments: Arguments::Foreign, ..command }
    }

    /// Lists the command below another heading of `help`.
    pub fn section(mut self, heading: &'static str) -> Self {
        self.section = heading;
        self
    }

    /// Refuses arguments before anything is started: `check` returns what is wrong with them.
    pub fn arguments(mut self, check: fn(&[&str]) -> Result<(), String>) -> Self {
        self.arguments = Arguments::Checked(check);
        self
    }

    /// Hands all arguments on to another program, except a `--help` directly behind the name.
    pub(super) fn foreign_arguments(mut self) -> Self {
        self.arguments = Arguments::Foreign;
        self
    }

    pub(super) fn accepts(&self, arguments: &[&str]) -> Result<(), String> {
        match self.arguments {
            Arguments::Checked(check) => {
                check(arguments).map_err(|wrong| if wrong.is_empty() { self.does_not_take(arguments) } else { wrong })
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

    pub(super) fn call(&self, command: &mut Command) -> Result<()> {
        (self.run)(command)
    }
}

/// Accepts no arguments, for [`CommandSpec::arguments`].
pub(super) fn none(arguments: &[&str]) -> Result<(), String> {
    if arguments.is_empty() { Ok(()) } else { Err(String::new()) }
}

/// Accepts one argument or none, for [`CommandSpec::arguments`].
pub(super) fn at_most_one(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] => Ok(()),
        [word] if !word.starts_with('-') => Ok(()),
        _ => Err(String::new()),
    }
}
