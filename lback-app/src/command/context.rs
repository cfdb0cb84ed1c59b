//! [`Command`], the context in which a command runs.

use std::fmt;
use std::fmt::Display;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Application, ProgramError, ProgramResult, Settings};
use lback_db::{Database, Db, DbSession};

use super::CommandSpec;
use crate::assemble::Ready;
use crate::migrate::require_migrations;

/// The context of a running command: its arguments, output, database, settings and application.
///
/// See [`App::command`](crate::App::command) and [`CommandSpec`].
///
/// ```no_run
/// use lback::prelude::*;
///
/// fn deleteposts(command: &mut Command) -> ProgramResult {
///     let before: i64 = command.argument(0)?.unwrap_or(i64::MAX);
///     let posts = diesel::sql_query("DELETE FROM posts WHERE id < ?").bind::<diesel::sql_types::BigInt, _>(before);
///     let deleted = posts.execute(command.db()?)?;
///     command.print(format!("deleted {deleted} posts"));
///     Ok(())
/// }
///
/// fn main() {
///     App::new(Router::new()).command("deleteposts", "[ID]  deletes the posts before this one, or all posts", deleteposts).main()
/// }
/// ```
pub struct Command {
    ready: Arc<Ready>,
    arguments: Vec<String>,
    unit: Option<DbSession>,
    /// The printed lines, if a test collects them.
    printed: Option<String>,
}

/// Shows no arguments: they may contain passwords.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").finish_non_exhaustive()
    }
}

impl Command {
    /// Returns the arguments after the command's name.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Returns the argument at `index`, counted from 0, or `None` if there are fewer.
    ///
    /// # Errors
    /// Returns an error if the argument cannot be parsed as a `T`. The message names the argument.
    #[track_caller]
    pub fn argument<T>(&self, index: usize) -> ProgramResult<Option<T>>
    where
        T: FromStr<Err: Display>,
    {
        let parsed = self.arguments.get(index).map(|text| (text, text.parse()));
        match parsed {
            None => Ok(None),
            Some((_, Ok(value))) => Ok(Some(value)),
            Some((text, Err(error))) => Err(ProgramError::new(format!("invalid argument \"{text}\": {error}"))),
        }
    }

    /// Returns the time of the application's clock. In a test, the clock is fixed until the test advances it.
    pub fn now(&self) -> DateTime<Utc> {
        self.ready.app.clock().now()
    }

    /// Prints a line to standard output. In a test, [`Client::command`](crate::testing::Client::command) returns it instead.
    pub fn print(&mut self, line: impl Display) {
        // A closed pipe, as with `head`, is not an error.
        drop(self.try_print(line));
    }

    /// As [`print`](Self::print), for output that must be complete.
    ///
    /// # Errors
    /// Returns an error if the line cannot be written, for example because the disk is full.
    pub fn try_print(&mut self, line: impl Display) -> io::Result<()> {
        match &mut self.printed {
            Some(printed) => {
                printed.push_str(&format!("{line}\n"));
                Ok(())
            }
            None => writeln!(io::stdout(), "{line}"),
        }
    }

    /// Returns the database, in a transaction that begins with the first call. It is committed when the command returns `Ok`,
    /// and rolled back when it returns an error or panics.
    ///
    /// On SQLite, nothing else can write until then. A long-running command should take connections from the
    /// [`database`](Self::database) and begin its own transactions.
    ///
    /// # Errors
    /// Returns an error if the application has no database, migrations are pending, or no connection is available.
    #[track_caller]
    pub fn db(&mut self) -> ProgramResult<&mut Db> {
        if self.unit.is_none() {
            require_migrations(&self.ready.app)?;
        }
        let database = self.ready.database()?;
        self.unit.get_or_insert_with(|| DbSession::for_writing(database.clone())).connection().map_err(Into::into)
    }

    /// Ensures that all migrations have been applied.
    ///
    /// # Errors
    /// Returns an error if migrations are pending. The message names them and the command that applies them.
    pub fn require_migrations(&self) -> ProgramResult {
        require_migrations(&self.ready.app)
    }

    pub(crate) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Returns the database, for connections without a transaction.
    ///
    /// # Errors
    /// Returns an error if the application has no database.
    pub fn database(&self) -> ProgramResult<&Database> {
        self.ready.database()
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        self.ready.app.settings()
    }

    /// Returns the application: its routes (`command.app().url_for("index", &[])`), templates and clock.
    pub fn app(&self) -> &Arc<Application> {
        &self.ready.app
    }

    /// Returns the shared state of type `T` that was added with [`App::state`](crate::App::state).
    ///
    /// # Errors
    /// Returns an error if the application has no state of this type.
    pub fn state<T: Send + Sync + 'static>(&self) -> ProgramResult<&T> {
        let missing = || ProgramError::new(format!("the application has no state of the type {}", std::any::type_name::<T>()));
        self.ready.app.state().ok_or_else(missing)
    }

    /// Waits for async work: `command.block_on(async { … })?`. Tasks that are still running then are not waited for.
    ///
    /// # Errors
    /// Returns an error if no threads can be started.
    pub fn block_on<F: Future>(&self, work: F) -> ProgramResult<F::Output> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let value = runtime.block_on(work);
        // A thread may be blocked indefinitely, such as that of a job.
        runtime.shutdown_background();
        Ok(value)
    }
}

impl CommandSpec {
    /// Runs the command, and ends its transaction.
    pub(crate) fn run(&self, ready: Arc<Ready>, arguments: Vec<String>) -> ProgramResult {
        self.finish(&mut Command { ready, arguments, unit: None, printed: None })
    }

    /// Runs the command for a test, and returns the printed lines. If it fails, they are the source of an error that has no other.
    pub(crate) fn run_for_test(&self, ready: Arc<Ready>, arguments: &[&str]) -> ProgramResult<String> {
        self.accepts(arguments).map_err(ProgramError::new)?;
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut command = Command { ready, arguments, unit: None, printed: Some(String::new()) };
        let result = self.finish(&mut command);
        let printed = command.printed.take().unwrap_or_default();
        match result {
            Ok(()) => Ok(printed),
            Err(error) if error.source().is_none() && !printed.is_empty() => Err(error.with_source(printed.trim_end())),
            Err(error) => Err(error),
        }
    }

    fn finish(&self, command: &mut Command) -> ProgramResult {
        self.call(command)?;
        if let Some(unit) = &mut command.unit {
            unit.commit()?;
        }
        Ok(())
    }
}
