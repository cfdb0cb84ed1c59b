//! What a command works with.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Application, Error, Result, Settings};
use lback_db::{Database, Db, DbSession};

use super::CommandSpec;
use crate::assemble::Ready;
use crate::migrate::require_migrations;

/// What a command works with; see [`App::command`](crate::App::command) and [`CommandSpec`].
///
/// ```no_run
/// use lback::prelude::*;
///
/// fn deleteposts(command: &mut Command) -> Result<()> {
///     let before: i64 = command.argument(0)?.unwrap_or(i64::MAX);
///     let posts = diesel::sql_query("DELETE FROM posts WHERE id < ?").bind::<diesel::sql_types::BigInt, _>(before);
///     let deleted = posts.execute(command.db()?)?;
///     command.print(format!("deleted {deleted} posts"));
///     Ok(())
/// }
///
/// fn main() -> Result<()> {
///     App::new(Router::new()).command("deleteposts", "deletes the posts before the one of this id, or all", deleteposts).main()
/// }
/// ```
pub struct Command {
    ready: Arc<Ready>,
    arguments: Vec<String>,
    unit: Option<DbSession>,
    /// What was printed, if a test wants to know.
    printed: Option<String>,
}

impl Command {
    /// The arguments behind the command's name.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The argument at `index`, counted from 0; `None` where there are not so many.
    ///
    /// # Errors
    /// Where it is not a `T`; the message names the argument.
    #[track_caller]
    pub fn argument<T>(&self, index: usize) -> Result<Option<T>>
    where
        T: FromStr<Err: Display>,
    {
        let parsed = self.arguments.get(index).map(|text| (text, text.parse()));
        match parsed {
            None => Ok(None),
            Some((_, Ok(value))) => Ok(Some(value)),
            Some((text, Err(error))) => Err(Error::bad_request(format!("the argument \"{text}\" is not understood: {error}"))),
        }
    }

    /// The time, by the application's clock. In a test it stands still until the test moves it.
    pub fn now(&self) -> DateTime<Utc> {
        self.ready.app.clock().now()
    }

    /// Prints a line to the standard output. A test gets it from [`Client::command`](crate::testing::Client::command) instead.
    pub fn print(&mut self, line: impl Display) {
        match &mut self.printed {
            Some(printed) => printed.push_str(&format!("{line}\n")),
            None => println!("{line}"),
        }
    }

    /// The database, in a transaction that begins with the first call. It is committed when the command returns `Ok`, and
    /// rolled back when it returns an error or panics.
    ///
    /// On SQLite nobody else can write until then. A command that takes long asks the [`database`](Self::database) for
    /// connections instead, and begins its own transactions.
    ///
    /// # Errors
    /// Where the application has no database, migrations are pending, or no connection is to be had.
    #[track_caller]
    pub fn db(&mut self) -> Result<&mut Db> {
        if self.unit.is_none() {
            require_migrations(&self.ready.app)?;
        }
        let database = self.ready.database()?;
        self.unit.get_or_insert_with(|| DbSession::for_writing(database.clone())).connection()
    }

    /// Makes sure that the database has the tables that the program works with.
    ///
    /// # Errors
    /// If migrations are pending; the message names them and the command that applies them.
    pub fn require_migrations(&self) -> Result<()> {
        require_migrations(&self.ready.app)
    }

    pub(crate) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The database's connections, without any transaction around them.
    ///
    /// # Errors
    /// Where the application has no database.
    pub fn database(&self) -> Result<&Database> {
        self.ready.database()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        self.ready.app.settings()
    }

    /// The application: its routes (`command.app().url_for("index", &[])`), templates, clock.
    pub fn app(&self) -> &Arc<Application> {
        &self.ready.app
    }

    /// The application's own state of type `T`, which [`App::state`](crate::App::state) has set.
    ///
    /// # Errors
    /// Where there is none.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let none = || Error::internal(format!("the application has no state of the type {}", std::any::type_name::<T>()));
        self.ready.app.state().ok_or_else(none)
    }

    /// Waits for async work: `command.block_on(async { … })?`.
    ///
    /// # Errors
    /// Where the system gives no threads for it.
    pub fn block_on<F: Future>(&self, work: F) -> Result<F::Output> {
        Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work))
    }
}

impl CommandSpec {
    /// Runs the command, and ends its transaction.
    pub(crate) fn run(&self, ready: Arc<Ready>, arguments: Vec<String>) -> Result<()> {
        self.finish(Command { ready, arguments, unit: None, printed: None }).map(drop)
    }

    /// The same for a test. Returns what was printed.
    pub(crate) fn run_for_test(&self, ready: Arc<Ready>, arguments: Vec<String>) -> Result<String> {
        self.finish(Command { ready, arguments, unit: None, printed: Some(String::new()) })
    }

    fn finish(&self, mut command: Command) -> Result<String> {
        self.call(&mut command)?;
        if let Some(unit) = &mut command.unit {
            unit.commit()?;
        }
        Ok(command.printed.unwrap_or_default())
    }
}
