//! What a battery is, and what it adds to an application.

use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use lback_core::{Application, Assembly, Result, Route, Settings};
use lback_db::MigrationSet;
use lback_db::{Database, Tables};

use crate::testing::TestSettings;
use crate::{Checks, CommandSpec};

/// A part that an application can have or leave out: users, mail, an admin, or one of your own.
///
/// A battery is a value that says everything it adds. `App::with` puts it in:
///
/// ```
/// use lback::prelude::*;
/// use lback::app::{Battery, Setup};
///
/// /// Lets every page say which machine has made it: `{{ served_by }}`.
/// struct Served {
///     by: &'static str,
/// }
///
/// impl Battery for Served {
///     fn name(&self) -> &'static str {
///         "served"
///     }
///
///     fn install(self: Box<Self>, setup: &mut Setup) -> Result<()> {
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
/// [`test_settings`](Self::test_settings); [`migrations`](Self::migrations) and [`tables`](Self::tables); [`commands`](Self::commands); then
/// [`install`](Self::install), after the batteries that it [`requires`](Self::requires).
pub trait Battery: Any {
    /// The name, which no other battery of the application may have. Its migrations are recorded under this name.
    fn name(&self) -> &'static str;

    /// The names of the batteries without which this one does not work. They are installed before it.
    fn requires(&self) -> &'static [&'static str] {
        &[]
    }

    /// Declares the settings that the battery reads: `settings.declare::<ShopSettings>()`. The start checks them, and refuses keys that
    /// nobody declares.
    fn settings(&self, _settings: &mut Settings) {}

    /// Changes settings for tests, so that they leave nothing outside: mail is kept in memory, for example.
    ///
    /// # Errors
    /// If a setting cannot be read.
    fn test_settings(&self, _settings: &mut TestSettings<'_>) -> Result<()> {
        Ok(())
    }

    /// The migrations that make the battery's tables.
    fn migrations(&self) -> Option<MigrationSet> {
        None
    }

    /// The tables that the battery works with. The command `check` compares them with the database.
    fn tables(&self) -> Tables {
        Tables::new()
    }

    /// The commands that the battery adds to the command line.
    fn commands(&self) -> Vec<CommandSpec> {
        Vec::new()
    }

    /// Puts the battery into the application: its state, middleware, routes, templates, background tasks and checks.
    ///
    /// # Errors
    /// If the settings are wrong; the application does not start then.
    fn install(self: Box<Self>, setup: &mut Setup) -> Result<()>;
}

type Built = Box<dyn FnOnce(&Arc<Application>) -> Result<()>>;
type Migrated = Box<dyn Fn(&Application, &Database) -> Result<()> + Send + Sync>;
type RouteNote = Box<dyn Fn(&Route) -> Option<String> + Send + Sync>;
type Check = Box<dyn Fn(&Application, &mut Checks) + Send + Sync>;

/// An application in the making, for [`Battery::install`]: the [`Assembly`], to which it dereferences, and what happens later.
pub struct Setup {
    assembly: Assembly,
    built: Vec<Built>,
    pub(crate) hooks: Hooks,
}

/// What batteries do while the application is there.
#[derive(Default)]
pub(crate) struct Hooks {
    migrated: Vec<Migrated>,
    route_notes: Vec<RouteNote>,
    checks: Vec<Check>,
}

impl Setup {
    pub(crate) fn new(assembly: Assembly) -> Self {
        Setup { assembly, built: Vec::new(), hooks: Hooks::default() }
    }

    /// Runs `work` when the application has been put together, before anything else uses it.
    pub fn when_built(&mut self, work: impl FnOnce(&Arc<Application>) -> Result<()> + 'static) -> &mut Self {
        self.built.push(Box::new(work));
        self
    }

    /// Runs `work` whenever the database has the tables it needs: after the command `migrate`, before the server accepts its first
    /// request, and before a test begins. For rows that the program declares, such as permissions.
    pub fn after_migrate(&mut self, work: impl Fn(&Application, &Database) -> Result<()> + Send + Sync + 'static) -> &mut Self {
        self.hooks.migrated.push(Box::new(work));
        self
    }

    /// Adds a note to a route in the list of the command `routes`, such as who may use it.
    pub fn route_note(&mut self, note: impl Fn(&Route) -> Option<String> + Send + Sync + 'static) -> &mut Self {
        self.hooks.route_notes.push(Box::new(note));
        self
    }

    /// Adds checks to the command `check`.
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

    /// Checks everything and joins it.
    pub(crate) fn build(self) -> Result<(Arc<Application>, Hooks)> {
        let app = self.assembly.build()?;
        for work in self.built {
            work(&app)?;
        }
        Ok((app, self.hooks))
    }
}

impl Hooks {
    pub(crate) fn migrated(&self, app: &Application) -> Result<()> {
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
