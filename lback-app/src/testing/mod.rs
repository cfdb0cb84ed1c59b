//! A test client, with access to the application's database, sessions and clock.
//!
//! ```
//! use lback::prelude::*;
//! use lback::testing::Client;
//!
//! fn visits(req: &mut Request) -> Result<String> {
//!     Ok(req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
//! }
//!
//! let settings = "SESSION_TIMEOUT_MINUTES = 30";
//! let client = Client::with_settings(App::new(Router::new().get("/", visits)), settings);
//! client.get("/").send().assert_contains("1");
//! client.get("/").send().assert_contains("2");
//! assert_eq!(client.session().unwrap().data["visits"], 2);
//!
//! client.clock().advance(std::time::Duration::from_secs(31 * 60));
//! client.get("/").send().assert_contains("1");
//! ```
//!
//! Every client has its own database: a SQLite file or, if `DATABASE_URL` in the settings names a PostgreSQL server, a
//! database `test_…` on that server. It is removed when the test ends.

mod database;
mod settings;

pub use settings::TestSettings;

pub use lback_core::testing::{MultipartBuilder, RequestBuilder, TestResponse, block_on};

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use lback_core::settings::{Environment, Settings, find_root};
use lback_core::{Clock, CoreSettings, Error, ProgramResult, Result};
use lback_db::{Database, Db, DbSettings};
use lback_session::{Record, SessionManager};
use tempfile::TempDir;

use crate::App;
use crate::assemble::Ready;
use crate::command::{self, CommandSpec};

/// A client of an application, with cookies like a browser's. It dereferences to the [client of the
/// core](lback_core::testing::Client), which has the methods for requests and cookies.
pub struct Client {
    browser: lback_core::testing::Client,
    parts: Arc<Parts>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("browser", &self.browser).finish_non_exhaustive()
    }
}

struct Parts {
    ready: Arc<Ready>,
    commands: Vec<CommandSpec>,
    // Declared after `ready`, so that its connections are dropped first.
    database: Option<Arc<database::TestDatabase>>,
    /// The folder in which the application stores files.
    files: Arc<TempDir>,
}

/// Creates the core's client of an application: in memory, or over a socket.
type Open = fn(Arc<lback_core::Application>) -> lback_core::testing::Client;

impl Client {
    /// Creates a client of `app` with the project's settings. Requests are made in memory.
    ///
    /// # Panics
    /// Panics if the application cannot start. The other constructors do so as well.
    pub fn new(app: App) -> Self {
        Self::build(app, project_settings(), true, lback_core::testing::Client::new)
    }

    /// Creates a client of `app` with settings in the format of `settings.toml`. Requests are made in memory.
    pub fn with_settings(app: App, settings: &str) -> Self {
        Self::build(app, given_settings(settings), false, lback_core::testing::Client::new)
    }

    /// Creates a client of `app` with the project's settings. Requests go over a real socket.
    pub fn over_socket(app: App) -> Self {
        Self::build(app, project_settings(), true, socket)
    }

    /// Creates a client of `app` with settings in the format of `settings.toml`. Requests go over a real socket.
    pub fn over_socket_with_settings(app: App, settings: &str) -> Self {
        Self::build(app, given_settings(settings), false, socket)
    }

    fn build(app: App, settings: ProgramResult<Settings>, of_project: bool, open: Open) -> Self {
        match settings.and_then(|settings| Self::try_build(app, settings, of_project, open)) {
            Ok(client) => client,
            Err(error) => panic!("the application cannot start: {error}"),
        }
    }

    fn try_build(mut app: App, mut settings: Settings, of_project: bool, open: Open) -> ProgramResult<Self> {
        // Before some settings are replaced, so that a test finds settings that the server would refuse.
        app.check_settings(&mut settings)?;
        let files = TempDir::with_prefix("lback-test-files-")?;
        let mut for_test = TestSettings::new(&mut settings, files.path(), of_project);
        for_test.move_folder("MEDIA_DIR")?;
        for battery in &app.batteries {
            battery.test_settings(&mut for_test)?;
        }
        let migrations = app.take_migrations(settings.root())?;
        let mut database = None;
        if app.has_database() {
            let prepared = database::TestDatabase::prepare(&settings.section::<DbSettings>()?, &migrations)?;
            settings.set("DATABASE_URL", prepared.url.expose());
            database = Some(Arc::new(prepared));
        }
        let mut hosts = settings.section::<CoreSettings>()?.allowed_hosts;
        hosts.extend(["127.0.0.1", "localhost"].map(str::to_owned));
        settings.set("ALLOWED_HOSTS", hosts);
        // Otherwise, a generated key would be stored in the project.
        settings.set("SECRET_KEY", "a key that only tests use, and that is long enough");
        // The databases store times with this precision.
        let clock = Clock::fixed(chrono::SubsecRound::trunc_subsecs(chrono::Utc::now(), 6));
        let commands = command::all(&app.batteries, std::mem::take(&mut app.commands))?;
        let ready = Arc::new(app.ready(settings, migrations, clock)?);
        ready.hooks.migrated(&ready.app)?;
        Ok(Client { browser: open(ready.app.clone()), parts: Arc::new(Parts { ready, commands, database, files: Arc::new(files) }) })
    }

    /// Returns another client of the same application, without cookies.
    #[must_use]
    pub fn fork(&self) -> Self {
        Client { browser: self.browser.fork(), parts: self.parts.clone() }
    }

    /// Returns this client, with its cookies, after a restart of the server with `app` on the same database.
    ///
    /// Sessions in memory and the application's own state are lost.
    ///
    /// # Panics
    /// Panics if the application cannot start.
    pub fn restart(&self, app: App) -> Self {
        let parts = match self.restarted_parts(app) {
            Ok(parts) => parts,
            Err(error) => panic!("the application cannot restart: {error}"),
        };
        let browser = lback_core::testing::Client::new(parts.ready.app.clone());
        for cookie in self.cookies() {
            browser.set_cookie(cookie.name(), cookie.value());
        }
        Client { browser, parts: Arc::new(parts) }
    }

    fn restarted_parts(&self, mut app: App) -> ProgramResult<Parts> {
        let settings = self.app().settings().clone();
        let migrations = app.take_migrations(settings.root())?;
        let commands = command::all(&app.batteries, std::mem::take(&mut app.commands))?;
        let ready = Arc::new(app.ready(settings, migrations, self.clock().clone())?);
        ready.hooks.migrated(&ready.app)?;
        Ok(Parts { ready, commands, database: self.parts.database.clone(), files: self.parts.files.clone() })
    }

    /// Returns the stored session that this client's cookie refers to or contains, or `None` if there is none.
    ///
    /// # Panics
    /// Panics if the session store cannot be read.
    pub fn session(&self) -> Option<Record> {
        let sessions = self.sessions();
        let cookie = self.cookie(sessions.cookie_name())?;
        match sessions.load_cookie(&cookie) {
            Ok(record) => record,
            Err(error) => panic!("the session cannot be read: {error}"),
        }
    }

    /// Returns the session manager.
    ///
    /// # Panics
    /// Panics if the application has no sessions.
    pub fn sessions(&self) -> &SessionManager {
        match self.app().state() {
            Some(sessions) => sessions,
            None => panic!("this application has no sessions"),
        }
    }

    /// Returns the database.
    ///
    /// # Panics
    /// Panics if the application has none.
    pub fn database(&self) -> &Database {
        match self.app().state() {
            Some(database) => database,
            None => panic!("this application has no database"),
        }
    }

    /// Runs a command of the application with the client's database and clock, and returns its
    /// [output](crate::Command::print).
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// fn close_idle(command: &mut Command) -> ProgramResult {
    ///     let days: i64 = command.argument(0)?.unwrap_or(30);
    ///     let before = command.now() - lback::chrono::TimeDelta::days(days);
    ///     command.print(format!("closed tickets idle since {}", before.date_naive()));
    ///     Ok(())
    /// }
    ///
    /// let app = App::new(Router::new()).command("close_idle", "[DAYS]  closes idle tickets", close_idle);
    /// let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// let since = client.clock().now().date_naive() - lback::chrono::TimeDelta::days(14);
    /// assert_eq!(client.command("close_idle", &["14"]), format!("closed tickets idle since {since}\n"));
    /// ```
    ///
    /// # Panics
    /// Panics if [`try_command`](Self::try_command) returns an error.
    #[track_caller]
    pub fn command(&self, name: &str, arguments: &[&str]) -> String {
        match self.try_command(name, arguments) {
            Ok(printed) => printed,
            Err(error) => panic!("the command {name} failed: {error:?}"),
        }
    }

    /// Runs a command, like [`command`](Self::command), but returns errors.
    ///
    /// # Errors
    /// Returns the error of the command, whose transaction is rolled back, or an error if there is no such command or it does not accept the
    /// arguments. The lines that the command has printed are the source of its error, unless it has another.
    pub fn try_command(&self, name: &str, arguments: &[&str]) -> ProgramResult<String> {
        let Parts { ready, commands, .. } = &*self.parts;
        let command = commands.iter().find(|command| command.name == name);
        let command = command.ok_or_else(|| Error::internal(command::unknown(name, commands)))?;
        command.run_for_test(ready.clone(), arguments)
    }

    /// Runs `work` with a database connection of its own, and returns its result.
    ///
    /// # Panics
    /// Panics if `work` fails.
    #[track_caller]
    pub fn db<T, E: Into<Error>>(&self, work: impl FnOnce(&mut Db) -> Result<T, E>) -> T {
        let result = self.database().get().and_then(|mut db| work(&mut db).map_err(Into::into));
        match result {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Deref for Client {
    type Target = lback_core::testing::Client;

    fn deref(&self) -> &Self::Target {
        &self.browser
    }
}

fn project_settings() -> ProgramResult<Settings> {
    let environment = Environment::of_process();
    Ok(Settings::load(find_root(&environment)?, &environment)?)
}

fn given_settings(text: &str) -> ProgramResult<Settings> {
    Ok(Settings::from_toml(".", text)?)
}

fn socket(app: Arc<lback_core::Application>) -> lback_core::testing::Client {
    match lback_core::testing::Client::over_socket(app) {
        Ok(client) => client,
        Err(error) => panic!("no server can be started: {error}"),
    }
}
