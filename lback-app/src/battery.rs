//! [`Battery`], the trait of an application's optional parts, and [`Setup`], through which they are installed.

use std::any::Any;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use lback_core::{Application, Assembly, ProgramResult, Result, Route, Settings};
use lback_db::MigrationSet;
use lback_db::{Database, Tables};

use crate::health::HealthChecks;
use crate::monitoring::{Collectors, Metrics};
use crate::testing::TestSettings;
use crate::{Checks, CommandSpec, Health, InfoPage, InfoPages};

/// An optional part of an application: users, mail, an admin, or one of your own.
///
/// A battery is a value that declares everything it adds. `App::with` installs it:
///
/// ```
/// use lback::prelude::*;
/// use lback::app::{Battery, Setup};
///
/// /// Lets every page name the machine that rendered it: `{{ served_by }}`.
/// struct Served {
///     by: &'static str,
/// }
///
/// impl Battery for Served {
///     fn name(&self) -> &'static str {
///         "served"
///     }
///
///     fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
///         let by = self.by;
///         setup.template_global("served_by", move |_| Ok(by));
///         Ok(())
///     }
/// }
///
/// let app = App::new(Router::new()).with(Served { by: "machine-1" });
/// # let _ = app;
/// ```
///
/// An application calls the methods in this order: [`settings`](Self::settings) and, in tests,
/// [`test_settings`](Self::test_settings); [`migrations`](Self::migrations) and [`tables`](Self::tables);
/// [`commands`](Self::commands); and [`install`](Self::install), once the batteries that this one
/// [`requires`](Self::requires) are installed.
pub trait Battery: Any {
    /// Returns the battery's name, which is unique within the application. The battery's migrations are recorded under it.
    fn name(&self) -> &'static str;

    /// Returns the names of the batteries that this one depends on. They are installed before it.
    fn requires(&self) -> &'static [&'static str] {
        &[]
    }

    /// Declares the settings that the battery reads: `settings.declare::<ShopSettings>()`. They are checked when the
    /// application starts; a key that is not declared is an error.
    fn settings(&self, _settings: &mut Settings) {}

    /// Adjusts settings for tests, so that a test has no effects outside of it. For example, mail is kept in memory.
    ///
    /// # Errors
    /// Returns an error if a setting is invalid.
    fn test_settings(&self, _settings: &mut TestSettings<'_>) -> ProgramResult {
        Ok(())
    }

    /// Returns the migrations that create the battery's tables.
    fn migrations(&self) -> Option<MigrationSet> {
        None
    }

    /// Returns the tables that the battery uses. The `check` command compares them with the database.
    fn tables(&self) -> Tables {
        Tables::new()
    }

    /// Returns the commands that the battery adds to the command line.
    fn commands(&self) -> Vec<CommandSpec> {
        Vec::new()
    }

    /// Installs the battery in the application: its state, middleware, routes, templates, background tasks and checks.
    ///
    /// # Errors
    /// Returns an error if the battery's settings are invalid. The application then does not start.
    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult;
}

type Built = Box<dyn FnOnce(&Arc<Application>) -> ProgramResult>;
type Migrated = Box<dyn Fn(&Application, &Database) -> ProgramResult + Send + Sync>;
type RouteNote = Box<dyn Fn(&Route) -> Option<String> + Send + Sync>;
type Check = Box<dyn Fn(&Application, &mut Checks) + Send + Sync>;

/// The application that [`Battery::install`] adds to. It dereferences to the [`Assembly`], and registers hooks that run
/// later.
pub struct Setup {
    assembly: Assembly,
    built: Vec<Built>,
    info_pages: InfoPages,
    health_checks: HealthChecks,
    collectors: Collectors,
    pub(crate) hooks: Hooks,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("assembly", &self.assembly).finish_non_exhaustive()
    }
}

/// The hooks that batteries have registered for a running application.
#[derive(Default)]
pub(crate) struct Hooks {
    migrated: Vec<Migrated>,
    route_notes: Vec<RouteNote>,
    checks: Vec<Check>,
}

impl Setup {
    pub(crate) fn new(assembly: Assembly) -> Self {
        Setup {
            assembly,
            built: Vec::new(),
            info_pages: InfoPages::default(),
            health_checks: HealthChecks::new(),
            collectors: Collectors::default(),
            hooks: Hooks::default(),
        }
    }

    /// Runs `work` when the application has been assembled, before anything else uses it.
    pub fn when_built(&mut self, work: impl FnOnce(&Arc<Application>) -> ProgramResult + 'static) -> &mut Self {
        self.built.push(Box::new(work));
        self
    }

    /// Runs `work` each time the tables of the database are known to be up to date: after the `migrate` command, before the
    /// server accepts its first request, and before a test begins. Use it for rows that the program declares, such as
    /// permissions.
    pub fn after_migrate(&mut self, work: impl Fn(&Application, &Database) -> ProgramResult + Send + Sync + 'static) -> &mut Self {
        self.hooks.migrated.push(Box::new(work));
        self
    }

    /// Adds a note to a route in the output of the `routes` command, such as the permission that it requires.
    pub fn route_note(&mut self, note: impl Fn(&Route) -> Option<String> + Send + Sync + 'static) -> &mut Self {
        self.hooks.route_notes.push(Box::new(note));
        self
    }

    /// Adds checks to the `check` command.
    ///
    /// ```
    /// # use lback::app::Setup;
    /// # use lback::Error;
    /// fn install(setup: &mut Setup) {
    ///     setup.checks(|app, checks| {
    ///         let missing = || Error::internal("templates/shop/cart.html is missing. Copy it from the documentation of shop");
    ///         checks.add("the shop's templates", if app.templates().contains("shop/cart.html") { Ok(()) } else { Err(missing()) });
    ///     });
    /// }
    /// ```
    pub fn checks(&mut self, checks: impl Fn(&Application, &mut Checks) + Send + Sync + 'static) -> &mut Self {
        self.hooks.checks.push(Box::new(checks));
        self
    }

    /// Adds a page about the running application, which the admin shows to superusers.
    pub fn info_page(&mut self, page: InfoPage) -> &mut Self {
        self.info_pages.add(page);
        self
    }

    /// Adds a check to the health page, which the admin shows to superusers. It runs on its own thread, never twice at the same
    /// time, and the page waits for it for at most two seconds.
    ///
    /// ```
    /// use lback::app::{Health, Setup};
    ///
    /// fn install(setup: &mut Setup) {
    ///     setup.health_check("Printer", |_app| Ok(Health::warning("There is no paper.")));
    /// }
    /// ```
    pub fn health_check(
        &mut self,
        name: &'static str,
        check: impl Fn(&Application) -> Result<Health> + Send + Sync + 'static,
    ) -> &mut Self {
        self.health_checks.add(name, check);
        self
    }

    /// Adds values to the page `/metrics`. `measure` runs each time the page is read, on a thread that may block; if it fails, its values
    /// are left out.
    ///
    /// ```
    /// use lback::app::{MetricKind, Setup};
    ///
    /// fn install(setup: &mut Setup) {
    ///     setup.metrics(|_app, metrics| {
    ///         metrics.family("shop_open_carts", MetricKind::Gauge, "Carts that are not ordered yet.").sample(&[("country", "de")], 7);
    ///         Ok(())
    ///     });
    /// }
    /// ```
    pub fn metrics(&mut self, measure: impl Fn(&Application, &mut Metrics) -> Result<()> + Send + Sync + 'static) -> &mut Self {
        self.collectors.add(measure);
        self
    }

    /// Validates and builds the application, then runs the hooks of [`when_built`](Self::when_built).
    pub(crate) fn build(mut self) -> ProgramResult<(Arc<Application>, Hooks)> {
        self.assembly.state(self.info_pages).state(self.health_checks).state(self.collectors);
        let app = self.assembly.build()?;
        for work in self.built {
            work(&app)?;
        }
        Ok((app, self.hooks))
    }
}

impl Hooks {
    pub(crate) fn migrated(&self, app: &Application) -> ProgramResult {
        match app.state::<Database>() {
            Some(database) => self.migrated.iter().try_for_each(|work| work(app, database)),
            None => Ok(()),
        }
    }

    pub(crate) fn route_notes(&self, route: &Route) -> Vec<String> {
        self.route_notes.iter().filter_map(|note| note(route)).collect()
    }

    pub(crate) fn check(&self, app: &Application, checks: &mut Checks) {
        self.checks.iter().for_each(|check| check(app, checks));
    }
}

impl Deref for Setup {
    type Target = Assembly;

    fn deref(&self) -> &Assembly {
        &self.assembly
    }
}

impl DerefMut for Setup {
    fn deref_mut(&mut self) -> &mut Assembly {
        &mut self.assembly
    }
}
