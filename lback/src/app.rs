//! An application: its routes, and what differs from the defaults.

use std::path::Path;
use std::sync::Arc;

use lback_core::middleware::{
    AllowedHosts, BodyReader, CsrfMiddleware, Errors, IntoMiddleware, RequestLog, SecurityHeaders, Stack, StaticFiles, Timeout,
};
use lback_core::signals::Listeners;
use lback_core::{Application, Assembly, Clock, CoreSettings, Request, Result, Router, Settings, TemplateArgs};
use lback_db::migrations::MigrationSet;
use lback_db::{Database, DbSessionMiddleware, DbSettings, Migrations};
use lback_session::{RequestSession, SessionConfig, SessionManager, SessionMiddleware, SessionSettings, SessionStore, clean_regularly};
use tokio::sync::watch;

use crate::command::{Command, OwnCommand, check_names};
use crate::session_store;

type Change<T> = Box<dyn FnOnce(&mut T) -> Result<()>>;
type MakeManager = Box<dyn FnOnce(SessionConfig, lback_core::Keys, Clock) -> SessionManager>;

/// An application.
///
/// ```no_run
/// use lback::prelude::*;
///
/// fn main() -> Result<()> {
///     App::new(Router::new().get("/", |_: &mut Request| "hello")).main()
/// }
/// ```
///
/// # Middleware
///
/// Around every route stand, outermost first: `RequestLog`, `Errors`, `SecurityHeaders`, `AllowedHosts`, `StaticFiles`,
/// `BodyReader`, `DbSessionMiddleware`, `SessionMiddleware`, `CsrfMiddleware`, `AuthMiddleware` (of an application with
/// users), `MailMiddleware` (with the feature `mail`), what [`App::middleware`] adds, and `Timeout`.
/// [`App::stack`] changes the list.
pub struct App {
    router: Router,
    migrations: Option<MigrationSet>,
    middleware: Vec<Change<Stack>>,
    stack: Vec<Change<Stack>>,
    assembly: Vec<Change<Assembly>>,
    session_store: Option<MakeManager>,
    sessions: bool,
    database: bool,
    pub(crate) listeners: Listeners,
    pub(crate) commands: Vec<OwnCommand>,
    #[cfg(feature = "auth")]
    pub(crate) users: crate::auth::Users,
}

/// Stands for users where the feature is off, so that the compiler can say which one it is.
#[cfg(not(feature = "auth"))]
#[doc(hidden)]
pub struct Users;

/// What [`Users`] are not.
#[cfg(not(feature = "auth"))]
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "users are a feature of lback that is off",
    label = "needs the feature `auth` of lback",
    note = "write in Cargo.toml: lback = {{ …, features = [\"auth-pages\"] }}, or [\"auth\"] without the pages on which they log in"
)]
pub trait OfFeatureAuth<'a> {}

/// An application that is ready to run.
pub(crate) struct Ready {
    pub(crate) app: Arc<Application>,
    pub(crate) database: Option<Database>,
    pub(crate) migrations: Migrations,
    pub(crate) sessions: Option<SessionManager>,
}

impl App {
    /// An application of these routes.
    pub fn new(router: Router) -> Self {
        App {
            router,
            migrations: None,
            middleware: Vec::new(),
            stack: Vec::new(),
            assembly: Vec::new(),
            session_store: None,
            sessions: true,
            database: true,
            listeners: Listeners::new(),
            commands: Vec::new(),
            #[cfg(feature = "auth")]
            users: crate::auth::Users::default(),
        }
    }

    /// Compiles the application's migrations into release builds: `.migrations(migrations!())`.
    ///
    /// Without this, and in debug builds, they are read from the project's `migrations` folder when the program runs.
    pub fn migrations(mut self, migrations: impl Into<MigrationSet>) -> Self {
        self.migrations = Some(migrations.into());
        self
    }

    /// Adds a middleware around every route, inside those that Lback brings.
    pub fn middleware<Kind: 'static>(mut self, middleware: impl IntoMiddleware<Kind> + 'static) -> Self {
        self.middleware.push(Box::new(move |stack| {
            stack.push(middleware);
            Ok(())
        }));
        self
    }

    /// Changes the list of middleware: inserts, replaces, removes.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # async fn maintenance(req: &mut Request, next: Next<'_>) -> Result<Response> { next.run(req).await }
    /// # let urls = Router::new();
    /// App::new(urls).stack(|stack| {
    ///     stack.remove("AllowedHosts")?.insert_after("Errors", maintenance)?;
    ///     Ok(())
    /// });
    /// ```
    pub fn stack(mut self, change: impl FnOnce(&mut Stack) -> Result<()> + 'static) -> Self {
        self.stack.push(Box::new(change));
        self
    }

    /// Adds the application's own shared state, which [`Request::state`] finds by its type.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.assembly.push(Box::new(move |assembly| {
            assembly.state(value);
            Ok(())
        }));
        self
    }

    /// Adds shared state that is made from the settings, which are checked when the application starts.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// #[derive(serde::Deserialize)]
    /// struct Shop { currency: String }              // [shop] currency = "EUR"
    ///
    /// App::new(urls).state_from(|settings| Ok(settings.table::<Shop>("shop")?));
    /// # mod serde { pub use lback::serde::*; }
    /// ```
    pub fn state_from<T: Send + Sync + 'static>(mut self, make: impl FnOnce(&Settings) -> Result<T> + 'static) -> Self {
        self.assembly.push(Box::new(move |assembly| {
            let value = make(assembly.settings())?;
            assembly.state(value);
            Ok(())
        }));
        self
    }

    /// Adds a variable that every template can use. `value` runs only for templates that mention it.
    pub fn template_global<F, V>(mut self, name: &'static str, value: F) -> Self
    where
        F: Fn(&mut Request) -> Result<V> + Send + Sync + 'static,
        V: serde::Serialize,
    {
        self.assembly.push(Box::new(move |assembly| {
            assembly.template_global(name, value);
            Ok(())
        }));
        self
    }

    /// Adds a filter that every template can use: `{{ price | money(currency="EUR") }}`.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// # let urls = Router::new();
    /// App::new(urls).template_filter("money", |cents: i64, args| {
    ///     let currency = args.get("currency")?.unwrap_or("EUR".to_owned());
    ///     Ok(format!("{}.{:02} {currency}", cents / 100, cents % 100))
    /// });
    /// ```
    ///
    /// What it returns is escaped, unless it is [`Html`](crate::Html).
    pub fn template_filter<F, T, V>(mut self, name: &'static str, apply: F) -> Self
    where
        F: Fn(T, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        T: serde::de::DeserializeOwned,
        V: serde::Serialize,
    {
        self.assembly.push(Box::new(move |assembly| {
            assembly.template_filter(name, apply);
            Ok(())
        }));
        self
    }

    /// Adds a function that every template can call, with the request whose page it is: `{{ unread(folder="inbox") }}`.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// # let urls = Router::new();
    /// App::new(urls).template_function("unread", |req, args| {
    ///     let folder: String = args.require("folder")?;
    ///     Ok(req.session().get::<u32>(&format!("unread_{folder}"))?.unwrap_or(0))
    /// });
    /// ```
    ///
    /// What it returns is escaped, unless it is [`Html`](crate::Html).
    pub fn template_function<F, V>(mut self, name: &'static str, call: F) -> Self
    where
        F: Fn(&mut Request, TemplateArgs<'_>) -> Result<V> + Send + Sync + 'static,
        V: serde::Serialize,
    {
        self.assembly.push(Box::new(move |assembly| {
            assembly.template_function(name, call);
            Ok(())
        }));
        self
    }

    /// Adds a task that runs beside the server, from its start until `stopping` turns true.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// App::new(urls).background(async |app, mut stopping| {
    ///     let _ = stopping.wait_for(|stopping| *stopping).await;
    ///     println!("{} routes served", app.routes().len());
    /// });
    /// ```
    pub fn background<F, Fut>(mut self, task: F) -> Self
    where
        F: Fn(Arc<Application>, watch::Receiver<bool>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.assembly.push(Box::new(move |assembly| {
            assembly.background(task);
            Ok(())
        }));
        self
    }

    /// Adds a command to the program's command line: `./mysite countposts`, and `lback countposts` in the project.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn count(command: &mut Command) -> Result<()> {
    ///     let posts = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM posts");
    ///     let count: i64 = posts.get_result(command.db()?)?;
    ///     command.print(format!("{count} posts"));
    ///     Ok(())
    /// }
    ///
    /// # let urls = Router::new();
    /// App::new(urls).command("countposts", "says how many posts there are", count);
    /// ```
    ///
    /// `about` is what the command `help` says of it. It may begin with the arguments and two spaces: `"[ID]  says how many posts
    /// there are behind one"`. What follows a first line is shown by `countposts --help` only. An error is printed, and ends the program with status 1. A name that
    /// every application or the `lback` command has already, or that is added twice, is an error when the program starts.
    pub fn command(
        mut self,
        name: &'static str,
        about: &'static str,
        run: impl Fn(&mut Command) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.commands.push(OwnCommand::new(name, about, run));
        self
    }

    /// Keeps sessions in a store of the application's own, instead of the one in the settings.
    pub fn session_store(mut self, store: impl SessionStore) -> Self {
        self.session_store = Some(Box::new(move |config, keys, clock| SessionManager::new(store, config, keys, clock)));
        self
    }

    /// Leaves sessions out.
    pub fn without_sessions(mut self) -> Self {
        self.sessions = false;
        self
    }

    /// Leaves the database out. Sessions, where they are wanted, need another store then.
    pub fn without_database(mut self) -> Self {
        self.database = false;
        self
    }

    /// Users, which are a feature of their own.
    #[cfg(not(feature = "auth"))]
    #[doc(hidden)]
    pub fn auth(self) -> Self
    where
        for<'a> Users: OfFeatureAuth<'a>,
    {
        self
    }

    /// As [`auth`](Self::auth).
    #[cfg(not(feature = "auth"))]
    #[doc(hidden)]
    pub fn auth_with<A>(self) -> Self
    where
        for<'a> Users: OfFeatureAuth<'a>,
    {
        self
    }

    pub(crate) fn has_database(&self) -> bool {
        self.database
    }

    /// The framework's migrations and the application's.
    pub(crate) fn take_migrations(&mut self, root: &Path) -> Migrations {
        if !self.database {
            return Migrations::new();
        }
        let framework = Migrations::new();
        let migrations = if self.sessions { framework.framework(lback_session::MIGRATIONS) } else { framework };
        #[cfg(feature = "auth")]
        let migrations = if self.users.are_there() { migrations.framework(lback_auth::MIGRATIONS) } else { migrations };
        #[cfg(feature = "mail")]
        let migrations = migrations.framework(lback_mail::MIGRATIONS);
        match self.migrations.take() {
            Some(embedded) if !cfg!(debug_assertions) => migrations.embedded(embedded),
            _ => migrations.folder(root.join("migrations")),
        }
    }

    /// Refuses settings that nothing reads, and values that cannot work.
    pub(crate) fn check_settings(&self, settings: &mut Settings) -> Result<()> {
        settings.declare::<CoreSettings>();
        settings.declare::<DbSettings>();
        settings.declare::<SessionSettings>();
        #[cfg(feature = "auth")]
        settings.declare::<lback_auth::AuthSettings>();
        #[cfg(feature = "mail")]
        settings.declare::<lback_mail::MailSettings>();
        settings.check_unknown(&[]).map_err(with_remedy)?;
        let core: CoreSettings = settings.checked()?;
        crate::log::check(&core.log)?;
        if self.database {
            settings.checked::<DbSettings>()?;
        }
        settings.checked::<SessionSettings>()?;
        #[cfg(feature = "auth")]
        settings.checked::<lback_auth::AuthSettings>()?;
        #[cfg(feature = "mail")]
        settings.checked::<lback_mail::MailSettings>()?;
        Ok(())
    }

    /// Puts everything together, with settings that are [checked](Self::check_settings). `clock` is for tests.
    pub(crate) fn ready(self, settings: Settings, migrations: Migrations, clock: Clock) -> Result<Ready> {
        check_names(&self.commands)?;
        let core: CoreSettings = settings.section()?;
        let session_settings: SessionSettings = settings.section()?;
        let root = settings.root().to_owned();

        let mut database = None;
        if self.database {
            database = Some(Database::open(&settings.section::<DbSettings>()?, &root)?);
        }

        let mut assembly = Assembly::new(self.router, settings);
        assembly.clock(clock.clone());
        #[cfg(feature = "mail")]
        let mailer = crate::mail::mailer(assembly.settings(), core.debug, database.clone(), clock.clone())?;
        let mut sessions = None;
        if self.sessions {
            let config = SessionConfig::check(&session_settings, core.debug)?;
            let keys = assembly.derive_keys("session")?;
            sessions = Some(match self.session_store {
                Some(make) => make(config, keys, clock),
                None => session_store::of_settings(&session_settings, &root, database.as_ref(), config, keys, clock)?,
            });
        }

        #[cfg(feature = "auth")]
        let auth = self.users.make(&assembly)?;
        let stack = assembly.stack_mut();
        #[cfg(feature = "auth")]
        stack.brought_by("AuthMiddleware", "App::new(urls).auth()");
        stack.push(RequestLog).push(Errors).push(SecurityHeaders).push(AllowedHosts).push(StaticFiles::new()).push(BodyReader);
        if let Some(database) = &database {
            stack.push(DbSessionMiddleware::new(database.clone()));
        }
        if let Some(sessions) = &sessions {
            stack.push(SessionMiddleware::new(sessions.clone()));
            stack.push(CsrfMiddleware::inside(&["BodyReader", "SessionMiddleware"]));
        } else {
            stack.push(CsrfMiddleware::new());
        }
        #[cfg(feature = "auth")]
        if let Some(auth) = &auth {
            stack.push(lback_auth::AuthMiddleware::new(auth.clone()));
        }
        #[cfg(feature = "mail")]
        stack.push(lback_mail::MailMiddleware::new(mailer.clone()));
        for add in self.middleware {
            add(stack)?;
        }
        stack.push(Timeout);
        for change in self.stack {
            change(stack)?;
        }

        if let Some(database) = &database {
            assembly.state(database.clone());
        }
        if let Some(sessions) = &sessions {
            add_sessions(&mut assembly, sessions);
        }
        #[cfg(feature = "auth")]
        if let Some(auth) = &auth {
            lback_auth::install(&mut assembly, auth);
        }
        #[cfg(feature = "mail")]
        crate::mail::add(&mut assembly, &mailer);
        for add in self.assembly {
            add(&mut assembly)?;
        }
        assembly.listeners_mut().append(self.listeners);
        let app = assembly.build()?;
        #[cfg(feature = "auth")]
        if let Some(auth) = auth.as_ref().filter(|auth| auth.settings().login_url.is_some()) {
            // The name of a route that is not there would fail every redirect to the login page.
            auth.login_url(&app)?;
        }
        #[cfg(feature = "auth-pages")]
        if let Some(auth) = &auth {
            lback_auth::pages::check_users(&app, auth)?;
        }
        if let Some(sessions) = &sessions {
            sessions.announce_to(&app);
        }
        Ok(Ready { app, database, migrations, sessions })
    }
}

/// Settings of a part that was not compiled in are no settings; says so.
fn with_remedy(error: lback_core::settings::SettingsError) -> lback_core::Error {
    let message = error.to_string();
    let parts = [
        ("mail", cfg!(feature = "mail"), ["MAIL_", "SMTP_"].as_slice()),
        ("auth", cfg!(feature = "auth"), ["AUTH_", "LOGIN_", "LOGOUT_"].as_slice()),
    ];
    let speaks_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| message.contains(&format!(": {prefix}")));
    match parts.iter().find(|(_, compiled, prefixes)| !compiled && speaks_of(prefixes)) {
        None => error.into(),
        Some((feature, ..)) => lback_core::Error::internal(format!(
            "{message}\nSettings of {feature} need the feature {feature} of lback. Write lback = {{ …, features = [\"{feature}\"] }} in Cargo.toml"
        )),
    }
}

/// What sessions bring besides their middleware.
fn add_sessions(assembly: &mut Assembly, sessions: &SessionManager) {
    assembly.state(sessions.clone());
    assembly.csrf_binding(sessions.clone());
    assembly.template_global("flashes", |req| Ok(req.session().take_flashes()));
    assembly.debug_section(|req| {
        let session = req.session_if_loaded()?;
        let mut rows = vec![("id".to_owned(), session.id().to_string()), ("is_new".to_owned(), session.is_new().to_string())];
        rows.extend(session.iter().map(|(key, value)| (key.to_owned(), value.to_string())));
        Some(lback_core::DebugSection { title: "Session".to_owned(), rows })
    });
    let sessions = sessions.clone();
    assembly.background(move |_, stopping| clean_regularly(sessions.clone(), stopping));
}
