//! A browser for tests, with the application's database, sessions and clock at hand.
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
//! Every client has a database of its own: a file of SQLite, or, where `DATABASE_URL` in the settings names a PostgreSQL
//! server, a database `test_…` on that server, which goes when the test has ended.

mod database;
mod settings;

pub use settings::TestSettings;

pub use lback_core::testing::{MultipartBuilder, RequestBuilder, TestResponse, block_on};

use std::ops::Deref;
use std::sync::Arc;

use lback_core::settings::{Environment, Settings, find_root};
use lback_core::{Clock, CoreSettings, Error, Result};
use lback_db::{Database, Db, DbSettings};
use lback_session::{Record, SessionManager};
use tempfile::TempDir;

use crate::App;
use crate::assemble::Ready;
use crate::command::{self, CommandSpec};

/// A browser before an application. What a browser does (`get`, `post`, cookies) it does as the
/// [client of the core](lback_core::testing::Client), to which it dereferences.
pub struct Client {
    browser: lback_core::testing::Client,
    parts: Arc<Parts>,
}

struct Parts {
    ready: Arc<Ready>,
    commands: Vec<CommandSpec>,
    // After those that are connected to it.
    place: Option<Arc<database::Place>>,
    /// Where the application stores files.
    files: Arc<TempDir>,
}

/// Makes a browser before an application: in memory, or over a socket.
type Open = fn(Arc<lback_core::Application>) -> lback_core::testing::Client;

impl Client {
    /// Before `app` with the project's settings, in memory.
    ///
    /// # Panics
    /// If the application cannot start; so do the other constructors.
    pub fn new(app: App) -> Self {
        Self::build(app, project_settings(), true, lback_core::testing::Client::new)
    }

    /// Before `app` with settings in the words of `settings.toml`, in memory.
    pub fn with_settings(app: App, settings: &str) -> Self {
        Self::build(app, given_settings(settings), false, lback_core::testing::Client::new)
    }

    /// Before `app` with the project's settings, over a real socket.
    pub fn over_socket(app: App) -> Self {
        Self::build(app, project_settings(), true, socket)
    }

    /// Before `app` with settings in the words of `settings.toml`, over a real socket.
    pub fn over_socket_with_settings(app: App, settings: &str) -> Self {
        Self::build(app, given_settings(settings), false, socket)
    }

    fn build(app: App, settings: Result<Settings>, of_project: bool, open: Open) -> Self {
        match settings.and_then(|settings| Self::try_build(app, settings, of_project, open)) {
            Ok(client) => client,
            Err(error) => panic!("the application cannot start: {error}"),
        }
    }

    fn try_build(mut app: App, mut settings: Settings, of_project: bool, open: Open) -> Result<Self> {
        // Before some of them are replaced, so that a test finds what the server would refuse.
        app.check_settings(&mut settings)?;
        let files = TempDir::with_prefix("lback-test-files-")?;
        let mut for_test = TestSettings::new(&mut settings, files.path(), of_project);
        for_test.move_folder("MEDIA_DIR")?;
        for battery in &app.batteries {
            battery.test_settings(&mut for_test)?;
        }
        let migrations = app.take_migrations(settings.root())?;
        let mut place = None;
        if app.has_database() {
            let prepared = database::Place::prepare(&settings.section::<DbSettings>()?, &migrations)?;
            settings.set("DATABASE_URL", prepared.url.expose());
            place = Some(Arc::new(prepared));
        }
        let mut hosts = settings.section::<CoreSettings>()?.allowed_hosts;
        hosts.extend(["127.0.0.1", "localhost"].map(str::to_owned));
        settings.set("ALLOWED_HOSTS", hosts);
        // So that a test leaves nothing in the project.
        settings.set("SECRET_KEY", "a key that only tests use, and that is long enough");
        // As precise as the databases are.
        let clock = Clock::fixed(chrono::SubsecRound::trunc_subsecs(chrono::Utc::now(), 6));
        let commands = command::all(&app.batteries, std::mem::take(&mut app.commands))?;
        let ready = Arc::new(app.ready(settings, migrations, clock)?);
        ready.hooks.migrated(&ready.app)?;
        Ok(Client { browser: open(ready.app.clone()), parts: Arc::new(Parts { ready, commands, place, files: Arc::new(files) }) })
    }

    /// Another browser before the same application, without cookies.
    pub fn fork(&self) -> Self {
        Client { browser: self.browser.fork(), parts: self.parts.clone() }
    }

    /// The same browser, with its cookies, after the server was started again with `app` on the same database.
    ///
    /// Sessions in memory are gone then, like the application's own state.
    ///
    /// # Panics
    /// Where the application cannot start.
    pub fn restart(&self, app: App) -> Self {
        let parts = match self.parts_again(app) {
            Ok(parts) => parts,
            Err(error) => panic!("the application cannot start again: {error}"),
        };
        let browser = lback_core::testing::Client::new(parts.ready.app.clone());
        for cookie in self.cookies() {
            browser.set_cookie(cookie.name(), cookie.value());
        }
        Client { browser, parts: Arc::new(parts) }
    }

    fn parts_again(&self, mut app: App) -> Result<Parts> {
        let settings = self.app().settings().clone();
        let migrations = app.take_migrations(settings.root())?;
        let commands = command::all(&app.batteries, std::mem::take(&mut app.commands))?;
        let ready = Arc::new(app.ready(settings, migrations, self.clock().clone())?);
        ready.hooks.migrated(&ready.app)?;
        Ok(Parts { ready, commands, place: self.parts.place.clone(), files: self.parts.files.clone() })
    }

    /// The session that this browser's cookie names or carries, as it is stored; `None` where there is none.
    ///
    /// # Panics
    /// Where the store cannot be read.
    pub fn session(&self) -> Option<Record> {
        let sessions = self.sessions();
        let cookie = self.cookie(sessions.cookie_name())?;
        match sessions.load_cookie(&cookie) {
            Ok(record) => record,
            Err(error) => panic!("the session cannot be read: {error}"),
        }
    }

    /// The manager of all sessions.
    ///
    /// # Panics
    /// Where the application has no sessions.
    pub fn sessions(&self) -> &SessionManager {
        match self.app().state() {
            Some(sessions) => sessions,
            None => panic!("this application has no sessions"),
        }
    }

    /// The database.
    ///
    /// # Panics
    /// Where the application has none.
    pub fn database(&self) -> &Database {
        match self.app().state() {
            Some(database) => database,
            None => panic!("this application has no database"),
        }
    }

    /// Runs a command of the application's, or one of those for users, on the client's database and clock, and returns what it
    /// has [printed](crate::Command::print).
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// fn close_idle(command: &mut Command) -> Result<()> {
    ///     let days: i64 = command.argument(0)?.unwrap_or(30);
    ///     let before = command.now() - lback::chrono::TimeDelta::days(days);
    ///     command.print(format!("closed those idle since {}", before.date_naive()));
    ///     Ok(())
    /// }
    ///
    /// let app = App::new(Router::new()).command("close_idle", "[DAYS]  closes idle tickets", close_idle);
    /// let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// let since = client.clock().now().date_naive() - lback::chrono::TimeDelta::days(14);
    /// assert_eq!(client.command("close_idle", &["14"]), format!("closed those idle since {since}\n"));
    /// ```
    ///
    /// # Panics
    /// Where [`try_command`](Self::try_command) has an error.
    #[track_caller]
    pub fn command(&self, name: &str, arguments: &[&str]) -> String {
        match self.try_command(name, arguments) {
            Ok(printed) => printed,
            Err(error) => panic!("the command {name} failed: {error:?}"),
        }
    }

    /// As [`command`](Self::command), and returns what goes wrong.
    ///
    /// # Errors
    /// Returns the error of the command, whose transaction is rolled back, or an error if there is no such command.
    pub fn try_command(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let Parts { ready, commands, .. } = &*self.parts;
        let command = commands.iter().find(|command| command.name == name);
        let command = command.ok_or_else(|| Error::internal(command::unknown(name, commands)))?;
        command.run_for_test(ready.clone(), arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }

    /// Runs `work` on a connection of the test's own, and returns what it returns.
    ///
    /// # Panics
    /// Where `work` fails.
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

fn project_settings() -> Result<Settings> {
    let environment = Environment::of_process();
    Ok(Settings::load(find_root(&environment)?, &environment)?)
}

fn given_settings(text: &str) -> Result<Settings> {
    Ok(Settings::from_toml(".", text)?)
}

fn socket(app: Arc<lback_core::Application>) -> lback_core::testing::Client {
    match lback_core::testing::Client::over_socket(app) {
        Ok(client) => client,
        Err(error) => panic!("no server can be started: {error}"),
    }
}
