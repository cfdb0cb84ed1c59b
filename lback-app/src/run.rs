//! Runs an application from its command line.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use lback_core::middleware::{LiveReload, Middleware, Stack, Toolbar};
use lback_core::settings::{Environment, Settings, find_root};
use lback_core::{Clock, CoreSettings, ProgramError, ProgramResult};

use crate::App;
use crate::assemble::Ready;
use crate::command::{self, CommandSpec, Task, serve};
use crate::supervisor::Supervisor;

impl App {
    /// Reads the settings and runs the command in the program's arguments, or `serve` if there is none.
    ///
    /// If it fails, this prints the error and ends the program with status 1, or 2 if the command line is invalid. `main`
    /// therefore needs no error handling.
    pub fn main(self) {
        let arguments = std::env::args_os().skip(1).map(|argument| argument.into_string().map_err(not_text));
        if let Err(error) = arguments.collect::<ProgramResult<Vec<_>>>().and_then(|arguments: Vec<String>| self.run(&arguments)) {
            eprintln!("error: {error}");
            exit(error.exit_code().into())
        }
    }

    /// Runs the command in `arguments`, as [`main`](Self::main) does, but returns errors.
    ///
    /// # Errors
    /// Returns an error if the command line or the settings are invalid, or if the command fails.
    pub fn run(mut self, arguments: &[String]) -> ProgramResult {
        let commands = command::all(&self.batteries, std::mem::take(&mut self.commands))?;
        match Task::parse(arguments, commands).map_err(ProgramError::usage)? {
            Task::Help(text) => {
                // A closed pipe, as with `head`, is not an error.
                drop(writeln!(io::stdout(), "{text}"));
                Ok(())
            }
            Task::Run(command, arguments) => self.run_command(&command, arguments),
        }
    }

    fn run_command(self, command: &CommandSpec, arguments: Vec<String>) -> ProgramResult {
        let environment = Environment::of_process();
        let serves = command.serves();
        let supervisor = if serves { Supervisor::find(&environment)? } else { None };
        let Some(supervisor) = supervisor else { return command.run(Arc::new(self.load(&environment, serves)?), arguments) };
        let served = self
            .stack(|stack| outside(stack, LiveReload::new()))
            .load(&environment, serves)
            .and_then(|ready| serve::serve_below(&ready, &supervisor));
        served.inspect_err(|error| supervisor.failed(&error.to_string()))
    }

    /// Reads the settings and assembles the application. If it `serves`, it waits for migration files that are being written,
    /// and starts without migrations that are still blank.
    fn load(mut self, environment: &Environment, serves: bool) -> ProgramResult<Ready> {
        let root = find_root(environment)?;
        let mut settings = Settings::load(&root, environment)?;
        self.check_settings(&mut settings)?;
        let core: CoreSettings = settings.section()?;
        crate::log::start(&core.log, core.log_format)?;
        if serves && core.debug && core.debug_toolbar {
            self = self.stack(|stack| outside(stack, Toolbar::new()));
        }
        let migrations = self.take_migrations(&root)?;
        let migrations = if serves { migrations.stop_at_blank().settled_for(SETTLED) } else { migrations };
        self.ready(settings, migrations, Clock::system())
    }
}

/// Adds a middleware for developers, outside all others.
fn outside(stack: &mut Stack, middleware: impl Middleware) -> ProgramResult {
    stack.wrap(middleware);
    Ok(())
}

/// A migration whose files were saved more recently may be half written.
const SETTLED: Duration = Duration::from_secs(5);

/// Returns how to run this program, for messages that name a command.
pub(crate) fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = path.as_deref().and_then(std::path::Path::file_name).map(|name| name.to_string_lossy().into_owned());
    if let Ok(package) = std::env::var("CARGO_PKG_NAME") {
        return format!("cargo run -p {package} --");
    }
    name.map_or_else(|| "program".to_owned(), |name| format!("./{name}"))
}

fn not_text(argument: OsString) -> ProgramError {
    ProgramError::usage(format!("the argument {} is not UTF-8 text", argument.display()))
}
