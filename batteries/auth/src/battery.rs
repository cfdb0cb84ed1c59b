//! The battery: everything that users add to an application.

use std::cell::RefCell;
use std::panic::Location;

use lback_app::{App, Battery, Command, CommandSpec, Setup};
use lback_core::middleware::Slot;
use lback_core::{Assembly, ProgramError, ProgramResult, Settings};
use lback_db::MigrationSet;
use lback_db::{Database, Tables};
use lback_models::{AppModels as _, models};

use crate::api_token::{check_installed, scopes_of};
use crate::declarations::{Declaration, Declarations};
use crate::install::{check_routes, install};
use crate::schema::Skeleton;
use crate::sealed::Sealed;
use crate::{
    Account, Auth, AuthMiddleware, AuthSettings, Group, NewPermission, Permission, RouteAuth, RouteTokens, Token, User, commands,
    declare_permissions, update_name_keys,
};

/// Adds users to [`App`].
pub trait AppAuth: Sealed {
    /// Adds users to the application: [`req.user()`](crate::RequestAuth::user), logging in and out, groups and
    /// permissions, their tables, and the commands `createsuperuser`, `changepassword`, `activate_user`, `deactivate_user`,
    /// `add_to_group`, `remove_from_group` and `list_users`. Templates get the variables `user` and `perms`.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn profile(req: &mut Request) -> ProgramResult<String> {
    ///     Ok(format!("Hello, {}.", req.require_login()?.username))
    /// }
    ///
    /// fn main() {
    ///     App::new(Router::new().get("/profile", profile).login_required()).auth().main()
    /// }
    /// ```
    fn auth(self) -> Self;

    /// Adds users of the application's own type and table. The commands are left out, because they support only the framework's own
    /// [`User`].
    fn auth_with<A: Account>(self) -> Self;

    /// Adds API tokens, with which programs act in the name of a user: the option [`accept_tokens`](crate::RouterAuth::accept_tokens) of
    /// routes, and the commands `createtoken`, `tokens` and `revoketoken`. The resources of an `Api` accept tokens from then on. They need
    /// the framework's own users.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn stock(_: &mut Request) -> &'static str {
    ///     "3"
    /// }
    ///
    /// fn main() {
    ///     let api = Router::new().get("/stock", stock).login_required();
    ///     App::new(Router::new().include("/api", api).json().accept_tokens("stock")).auth().tokens().main()
    /// }
    /// ```
    fn tokens(self) -> Self;

    /// Declares permissions: names for the program, labels for people. `migrate` and the start insert them into the database.
    /// Declaring a name twice is an error at the start.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// App::new(urls).auth().permissions([("blog.add_post", "Write posts"), ("blog.change_post", "Change posts")]);
    /// ```
    fn permissions<P: Into<NewPermission>>(self, permissions: impl IntoIterator<Item = P>) -> Self;
}

impl AppAuth for App {
    fn auth(mut self) -> Self {
        let users = self.battery_mut::<Users>();
        users.make = Some(|assembly| Ok(Auth::new::<User>(assembly)?));
        users.has_commands = true;
        self.models(models![User, Skeleton, Group, Permission])
    }

    fn auth_with<A: Account>(mut self) -> Self {
        let users = self.battery_mut::<Users>();
        users.make = Some(|assembly| Ok(Auth::new::<A>(assembly)?));
        users.has_commands = false;
        self
    }

    fn tokens(mut self) -> Self {
        self.battery_mut::<Users>().has_tokens = true;
        self.models(models![Token])
    }

    #[track_caller]
    fn permissions<P: Into<NewPermission>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        let place = Location::caller();
        let declared = permissions.into_iter().map(|permission| Declaration { permission: permission.into(), place });
        self.battery_mut::<Users>().permissions.extend(declared);
        self
    }
}

/// Creates the configuration for users of one type.
type Make = fn(&Assembly) -> ProgramResult<Auth>;

/// The battery, as the application configures it.
#[derive(Default)]
struct Users {
    make: Option<Make>,
    has_commands: bool,
    has_tokens: bool,
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
        let users = if self.has_commands { commands::ALL.as_slice() } else { &[] };
        let tokens = if self.has_tokens { commands::TOKENS.as_slice() } else { &[] };
        let command = |&(name, about, run): &(_, _, commands::Run)| {
            CommandSpec::new(name, about, move |command| run_command(command, run)).section("Commands for users")
        };
        users.iter().chain(tokens).map(command).collect()
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let Some(make) = self.make else {
            let what = if self.has_tokens { "tokens" } else { "permissions" };
            return Err(ProgramError::new(format!(
                "App::{what}() is for applications with users, and this one has none. Write App::new(urls).auth()"
            )));
        };
        let auth = make(setup)?;
        if self.has_tokens {
            check_user_type(&auth)?;
            auth.install_tokens();
        }
        let declarations = Declarations::of(setup);
        declarations.extend(self.permissions);
        setup.middleware(Slot::User, AuthMiddleware::new(auth.clone()));
        install(setup, &auth);
        let noted = auth.clone();
        setup.route_note(move |route| {
            let tokens = route.option::<RouteTokens>().filter(|_| noted.has_tokens()).map(ToString::to_string);
            let notes: Vec<String> = route.requirements().iter().map(ToString::to_string).chain(tokens).collect();
            (!notes.is_empty()).then(|| notes.join(", "))
        });
        let declared = auth.clone();
        setup.after_migrate(move |_, database| fill_tables(&declared, database));
        let built = auth.clone();
        setup.when_built(move |app| {
            declarations.extend_from_routes(app.routes());
            built.declare(&declarations)?;
            if built.has_tokens() {
                built.set_token_scopes(scopes_of(app.routes())?);
            } else {
                check_installed(app.routes())?;
            }
            if built.settings().login_url.is_some() {
                // With the name of a missing route, every redirect to the login page would fail.
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

fn check_user_type(auth: &Auth) -> ProgramResult {
    let known = auth.user_type();
    if known == std::any::type_name::<User>() {
        return Ok(());
    }
    Err(ProgramError::new(format!(
        "App::tokens() supports only the framework's own users, and the users of this application are of the type {known}. Write \
         App::auth() instead of App::auth_with(), or remove App::tokens()"
    )))
}

/// Inserts what migrations cannot: the declared permissions, and missing normal forms of names.
fn fill_tables(auth: &Auth, database: &Database) -> ProgramResult {
    if auth.permissions().next().is_some() {
        declare_permissions(&mut *database.get()?, auth.permissions())?;
    }
    update_name_keys(database)?;
    Ok(())
}

fn run_command(command: &mut Command, run: commands::Run) -> ProgramResult {
    command.require_migrations()?;
    let (app, arguments) = (command.app().clone(), command.arguments().to_vec());
    let auth: &Auth = app.state().ok_or_else(|| ProgramError::new("this application has no users"))?;
    let (database, now) = (command.database()?.clone(), command.now());
    let print = RefCell::new(|line: &str| command.print(line));
    let print = |line: &str| (print.borrow_mut())(line);
    let context = commands::Context { app: &app, auth, database: &database, sessions: app.state(), now, print: &print };
    Ok(run(&context, &arguments)?)
}
