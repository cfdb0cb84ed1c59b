//! What users add to an application.

use std::cell::RefCell;
use std::panic::Location;

use lback_app::{App, Battery, Command, CommandSpec, Setup};
use lback_core::middleware::Slot;
use lback_core::{Assembly, Error, Result, Settings};
use lback_db::MigrationSet;
use lback_db::{Database, Tables};

use crate::declarations::{Declaration, Declarations};
use crate::install::{check_routes, install};
use crate::sealed::Sealed;
use crate::{Account, Auth, AuthMiddleware, AuthSettings, Permission, RouteAuth, User, commands, declare_permissions, update_name_keys};

/// Adds users to [`App`].
pub trait AppAuth: Sealed {
    /// Gives the application users: [`req.user()`](crate::RequestAuth::user), logging in and out, groups and
    /// permissions, their tables, and the commands `createsuperuser`, `changepassword`, `activate_user`, `deactivate_user`,
    /// `add_to_group`, `remove_from_group` and `list_users`. Templates see `user` and `perms`.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn profile(req: &mut Request) -> Result<String> {
    ///     Ok(format!("Hello, {}.", req.require_login()?.username))
    /// }
    ///
    /// fn main() -> Result<()> {
    ///     App::new(Router::new().get("/profile", profile).login_required()).auth().main()
    /// }
    /// ```
    fn auth(self) -> Self;

    /// The same with users of the application's own type and table. The commands are left out: they know only the users that
    /// the framework brings.
    fn auth_with<A: Account>(self) -> Self;

    /// Declares what users may be allowed to do: names for the program, labels for people. They are put into the database by
    /// `migrate` and at the start.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// App::new(urls).auth().permissions([("blog.add_post", "Write posts"), ("blog.change_post", "Change posts")]);
    /// ```
    fn permissions<P: Into<Permission>>(self, permissions: impl IntoIterator<Item = P>) -> Self;
}

impl AppAuth for App {
    fn auth(mut self) -> Self {
        let users = self.battery_mut::<Users>();
        users.make = Some(Auth::new::<User>);
        users.has_commands = true;
        self
    }

    fn auth_with<A: Account>(mut self) -> Self {
        let users = self.battery_mut::<Users>();
        users.make = Some(Auth::new::<A>);
        users.has_commands = false;
        self
    }

    #[track_caller]
    fn permissions<P: Into<Permission>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        let place = Location::caller();
        let declared = permissions.into_iter().map(|permission| Declaration { permission: permission.into(), place });
        self.battery_mut::<Users>().permissions.extend(declared);
        self
    }
}

/// Puts the settings to work, for users of one type.
type Make = fn(&Assembly) -> Result<Auth>;

/// What an application says of its users.
#[derive(Default)]
struct Users {
    make: Option<Make>,
    has_commands: bool,
    permissions: Vec<Declaration>,
}

impl Battery for Users {
    fn name(&self) -> &'static str {
        "auth"
    }

    fn requires(&self) -> &'static [&'static str] {
        &["database", "sessions"]
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<AuthSettings>();
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        crate::tables()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        let all = if self.has_commands { commands::ALL.as_slice() } else { &[] };
        let command = |&(name, about, run): &(_, _, commands::Run)| {
            CommandSpec::new(name, about, move |command| run_command(command, run)).section("Commands for users")
        };
        all.iter().map(command).collect()
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> Result<()> {
        let Some(make) = self.make else {
            return Err(Error::internal(
                "App::permissions() is for applications with users, and this one has none. Write App::new(urls).auth()",
            ));
        };
        let auth = make(setup)?;
        let declarations = Declarations::of(setup);
        declarations.extend(self.permissions);
        setup.middleware(Slot::User, AuthMiddleware::new(auth.clone()));
        install(setup, &auth);
        setup.route_note(|route| {
            let requirements = route.requirements();
            (!requirements.is_empty()).then(|| requirements.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        });
        let declared = auth.clone();
        setup.after_migrate(move |_, database| fill_tables(&declared, database));
        let built = auth.clone();
        setup.when_built(move |app| {
            built.declare(&declarations)?;
            if built.settings().login_url.is_some() {
                // The name of a route that is not there would fail every redirect to the login page.
                built.login_url(app)?;
            }
            Ok(())
        });
        setup.checks(move |app, checks| {
            checks.add("permissions and the login page", check_routes(app, &auth));
        });
        Ok(())
    }
}

/// Puts into the database what migrations cannot: the permissions that the application declares, and the normal forms of
/// names that were stored without.
fn fill_tables(auth: &Auth, database: &Database) -> Result<()> {
    if auth.permissions().next().is_some() {
        declare_permissions(&mut *database.get()?, auth.permissions())?;
    }
    update_name_keys(database).map(drop)
}

fn run_command(command: &mut Command, run: commands::Run) -> Result<()> {
    command.require_migrations()?;
    let (app, arguments) = (command.app().clone(), command.arguments().to_vec());
    let auth: &Auth = app.state().ok_or_else(|| Error::internal("this application has no users"))?;
    let (database, now) = (command.database()?.clone(), command.now());
    let print = RefCell::new(|line: &str| command.print(line));
    let print = |line: &str| (print.borrow_mut())(line);
    let context = commands::Context { app: &app, auth, database: &database, sessions: app.state(), now, print: &print };
    run(&context, &arguments)
}
