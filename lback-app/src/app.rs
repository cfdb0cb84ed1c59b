//! [`App`], the builder of an application.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use lback_core::middleware::{IntoMiddleware, Slot, Stack};
use lback_core::signals::Listeners;
use lback_core::{Application, Assembly, ProgramError, ProgramResult, Request, Result, Router, Settings, TemplateArgs};
use lback_db::{Db, MigrationSet, Migrations, Tables};
use lback_session::SessionStore;
use tokio::sync::watch;

use crate::assemble::in_order;
use crate::batteries::{Csrf, DatabaseBattery, Sessions};
use crate::battery::Battery;
use crate::command::{Command, CommandSpec};
use crate::monitoring::Monitoring;

type DataMigration = Box<dyn Fn(&mut Db) -> Result<()> + Send + Sync>;
type Change<T> = Box<dyn FnOnce(&mut T) -> ProgramResult>;

/// An application.
///
/// ```no_run
/// use lback::prelude::*;
///
/// fn main() {
///     App::new(Router::new().get("/", |_: &mut Request| "hello")).main()
/// }
/// ```
///
/// An application has a database, sessions and CSRF protection by default. Add further [batteries](Battery) with
/// [`with`](Self::with), or with the method that a battery adds to `App`, such as `.auth()`.
///
/// # Middleware
///
/// Every route is wrapped in this middleware, outermost first: `RequestLog`, `SecurityHeaders`, `CorsMiddleware`, `Compression` (after
/// `App::compression`), `Errors`, `AllowedHosts`, `StaticFiles`, `DbSessionMiddleware`, `SessionMiddleware`, `AuthMiddleware` (in an
/// application with users), `BodyReader`, `CsrfMiddleware`, `MailMiddleware` (in an application that sends mail), the application's own from
/// [`App::middleware`], and `Timeout`. [`App::stack`] changes the stack.
#[must_use = "an application does nothing before .main()"]
pub struct App {
    pub(crate) router: Router,
    migrations: Option<MigrationSet>,
    data_migrations: Vec<(&'static str, DataMigration)>,
    tables: Tables,
    pub(crate) batteries: Vec<Box<dyn Battery>>,
    pub(crate) middleware: Vec<Change<Assembly>>,
    pub(crate) stack: Vec<Change<Stack>>,
    pub(crate) assembly: Vec<Change<Assembly>>,
    pub(crate) listeners: Listeners,
    pub(crate) commands: Vec<CommandSpec>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let batteries: Vec<_> = self.batteries.iter().map(|battery| battery.name()).collect();
        f.debug_struct("App").field("router", &self.router).field("batteries", &batteries).finish_non_exhaustive()
    }
}

impl App {
    /// Creates an application with the given routes.
    pub fn new(router: Router) -> Self {
        App {
            router,
            migrations: None,
            data_migrations: Vec::new(),
            tables: Tables::new(),
            batteries: vec![Box::new(Monitoring), Box::new(DatabaseBattery), Box::new(Sessions::default()), Box::new(Csrf)],
            middleware: Vec::new(),
            stack: Vec::new(),
            assembly: Vec::new(),
            listeners: Listeners::new(),
            commands: Vec::new(),
        }
    }

    /// Adds a battery. It replaces an earlier battery of the same type.
    pub fn with<B: Battery>(mut self, battery: B) -> Self {
        self.without::<B>();
        self.batteries.push(Box::new(battery));
        self
    }

    /// Returns the battery of type `B`, after adding a default one if the application has none.
    ///
    /// The methods that a battery adds to `App` use it, so that they can be called in any order.
    pub fn battery_mut<B: Battery + Default>(&mut self) -> &mut B {
        let position = self.batteries.iter().position(|battery| is::<B>(&**battery));
        let at = position.unwrap_or_else(|| {
            self.batteries.push(Box::new(B::default()));
            self.batteries.len() - 1
        });
        let battery: &mut dyn Any = &mut *self.batteries[at];
        // The battery was found by this type, or has just been created as one.
        battery.downcast_mut().unwrap_or_else(|| unreachable!("a battery of another type"))
    }

    fn without<B: Battery>(&mut self) {
        self.batteries.retain(|battery| !is::<B>(&**battery));
    }

    /// Compiles the application's migrations into release builds: `.migrations(migrations!())`.
    ///
    /// Without this call, and in debug builds, they are read from the project's `migrations` folder at run time.
    pub fn migrations(mut self, migrations: impl Into<MigrationSet>) -> Self {
        self.migrations = Some(migrations.into());
        self
    }

    /// Registers a function that migrations run. The line `-- lback: run NAME` in an `up.sql` or `down.sql` calls it, with the
    /// connection and in the transaction of the migration.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// fn fill_slugs(db: &mut Db) -> Result<()> {
    ///     diesel::sql_query("UPDATE posts SET slug = lower(title) WHERE slug = ''").execute(db)?;
    ///     Ok(())
    /// }
    ///
    /// # let urls = Router::new();
    /// App::new(urls).data_migration("fill_slugs", fill_slugs);
    /// ```
    ///
    /// A name that is used twice is an error when the program starts. A migration that names a function that is not registered is an
    /// error before anything is applied.
    pub fn data_migration(mut self, name: &'static str, run: impl Fn(&mut Db) -> Result<()> + Send + Sync + 'static) -> Self {
        self.data_migrations.push((name, Box::new(run)));
        self
    }

    /// Registers the tables that the application uses, as declared with `diesel::table!`. The `check` command compares them
    /// with the database: a column that is missing on one side compiles, but fails at the first request.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// mod models {
    ///     # use lback::diesel;
    ///     diesel::table! {
    ///         posts (id) {
    ///             id -> BigInt,
    ///             title -> Text,
    ///         }
    ///     }
    /// }
    ///
    /// fn main() {
    ///     App::new(Router::new()).tables(tables![models::posts]).main()
    /// }
    /// ```
    pub fn tables(mut self, tables: Tables) -> Self {
        self.tables = self.tables.and(tables);
        self
    }

    /// Adds middleware around every route, inside the middleware that Lback provides.
    pub fn middleware<Kind: 'static>(mut self, middleware: impl IntoMiddleware<Kind> + 'static) -> Self {
        self.middleware.push(Box::new(move |assembly| {
            assembly.middleware(Slot::App, middleware);
            Ok(())
        }));
        self
    }

    /// Compresses responses with Brotli, Zstandard or gzip, depending on what the client accepts: see
    /// [`Compression`](lback_core::middleware::Compression).
    #[cfg(feature = "compression")]
    pub fn compression(mut self) -> Self {
        self.middleware.push(Box::new(|assembly| {
            assembly.middleware(Slot::Edge, lback_core::middleware::Compression);
            Ok(())
        }));
        self
    }

    /// Changes the middleware stack: inserts, replaces or removes middleware.
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
    pub fn stack(mut self, change: impl FnOnce(&mut Stack) -> ProgramResult + 'static) -> Self {
        self.stack.push(Box::new(change));
        self
    }

    /// Adds shared state, which [`Request::state`] looks up by type.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.assembly.push(Box::new(move |assembly| {
            assembly.state(value);
            Ok(())
        }));
        self
    }

    /// Adds shared state that is created from settings. These are checked when the application starts.
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
    pub fn state_from<T: Send + Sync + 'static>(mut self, make: impl FnOnce(&Settings) -> ProgramResult<T> + 'static) -> Self {
        self.assembly.push(Box::new(move |assembly| {
            let value = make(assembly.settings())?;
            assembly.state(value);
            Ok(())
        }));
        self
    }

    /// Adds a variable to every template. `value` runs only for templates that mention the variable.
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

    /// Adds a filter for all templates: `{{ price | money(currency="EUR") }}`.
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
    /// Arguments that the filter does not ask for are errors. If the name lists the arguments, as in `"money(currency)"`, a
    /// template with any other argument keeps the application from starting.
    ///
    /// The result is escaped unless it is [`Html`](lback_core::Html).
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

    /// Adds a function for all templates, `{{ unread(folder="inbox") }}`. It receives the request for which the template is
    /// rendered.
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
    /// Arguments that the function does not ask for are errors. If the name lists the arguments, as in `"unread(folder)"`, a
    /// template with any other argument keeps the application from starting.
    ///
    /// The result is escaped unless it is [`Html`](lback_core::Html).
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

    /// Adds a background task that runs alongside the server, from its start until `stopping` becomes true.
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
    /// fn count(command: &mut Command) -> ProgramResult {
    ///     let posts = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM posts");
    ///     let count: i64 = posts.get_result(command.db()?)?;
    ///     command.print(format!("{count} posts"));
    ///     Ok(())
    /// }
    ///
    /// # let urls = Router::new();
    /// App::new(urls).command("countposts", "counts the posts", count);
    /// ```
    ///
    /// `about` is the description that `help` shows. It may begin with the command's arguments and two spaces:
    /// `"[ID]  counts the posts after this one"`. Lines after the first are shown by `countposts --help` only.
    ///
    /// If the command returns an error, the error is printed and the program ends with status 1. A name that is used twice,
    /// or that is already a command of every application or of `lback`, is an error when the program starts.
    pub fn command(
        mut self,
        name: &'static str,
        about: &'static str,
        run: impl Fn(&mut Command) -> ProgramResult + Send + Sync + 'static,
    ) -> Self {
        self.commands.push(CommandSpec::of_application(name, about, run));
        self
    }

    /// Stores sessions in `store`, instead of the store in the settings.
    pub fn session_store(mut self, store: impl SessionStore) -> Self {
        self.battery_mut::<Sessions>().keep_in(store);
        self
    }

    /// Removes sessions from the application.
    pub fn without_sessions(mut self) -> Self {
        self.without::<Sessions>();
        self
    }

    /// Removes the database from the application. Sessions then need another store, unless they are removed as well.
    pub fn without_database(mut self) -> Self {
        self.without::<DatabaseBattery>();
        self
    }

    pub(crate) fn has_database(&self) -> bool {
        self.batteries.iter().any(|battery| is::<DatabaseBattery>(&**battery))
    }

    /// Returns the tables of the batteries and of the application.
    pub(crate) fn all_tables(&mut self) -> Tables {
        if !self.has_database() {
            return Tables::new();
        }
        let of_batteries = self.batteries.iter().map(|battery| battery.tables());
        of_batteries.fold(Tables::new(), Tables::and).and(std::mem::take(&mut self.tables))
    }

    /// Sorts the batteries so that each one follows those that it requires.
    pub(crate) fn order(&mut self) -> ProgramResult {
        self.batteries = in_order(std::mem::take(&mut self.batteries))?;
        Ok(())
    }

    /// Returns the migrations of the batteries and of the application.
    ///
    /// # Errors
    /// Returns an error if the batteries cannot be sorted by their requirements, or if a function is registered twice.
    pub(crate) fn take_migrations(&mut self, root: &Path) -> ProgramResult<Migrations> {
        self.order()?;
        if !self.has_database() {
            return Ok(Migrations::new());
        }
        let of_batteries = self.batteries.iter().filter_map(|battery| Some((battery.name(), battery.migrations()?)));
        let mut migrations = of_batteries.fold(Migrations::new(), |all, (name, set)| all.battery(name, set));
        let mut names = HashSet::new();
        for (name, run) in std::mem::take(&mut self.data_migrations) {
            let problem = match names.insert(name) {
                false => "two functions have this name",
                true if name.is_empty() || name.contains(char::is_whitespace) => "the name must be a single word such as fill_slugs",
                true => {
                    migrations = migrations.function(name, run);
                    continue;
                }
            };
            return Err(ProgramError::new(format!("App::data_migration(\"{name}\", …): {problem}. Choose another name")));
        }
        Ok(match self.migrations.take() {
            Some(embedded) if !cfg!(debug_assertions) => migrations.embedded(embedded),
            _ => migrations.folder(root.join("migrations")),
        })
    }
}

fn is<B: Battery>(battery: &dyn Battery) -> bool {
    (battery as &dyn Any).is::<B>()
}
