//! What users bring to an application.

use std::cell::RefCell;

use lback_auth::{Account, Auth, Permission, User, commands};
use lback_core::{Assembly, Error, Result};

use crate::App;
use crate::app::Ready;
use crate::command::{Command, OwnCommand};

/// Puts the settings to work, for users of one type.
type Make = fn(&Assembly, &[Permission]) -> Result<Auth>;

/// What an application says of its users, until its settings are known.
#[derive(Default)]
pub(crate) struct Users {
    make: Option<Make>,
    permissions: Vec<Permission>,
}

impl Users {
    /// Does the application have any?
    pub(crate) fn are_there(&self) -> bool {
        self.make.is_some()
    }

    pub(crate) fn make(&self, assembly: &Assembly) -> Result<Option<Auth>> {
        match self.make {
            Some(make) => make(assembly, &self.permissions).map(Some),
            None if self.permissions.is_empty() => Ok(None),
            None => Err(Error::internal("App::permissions says what users may do, and the application has none: call App::auth()")),
        }
    }
}

impl App {
    /// Gives the application users: [`req.user()`](lback_auth::RequestAuth::user), logging in and out, groups and
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
    pub fn auth(mut self) -> Self {
        for (name, about, run) in commands::ALL {
            let command = OwnCommand::new(name, about, move |command| run_command(command, run));
            self.commands.push(command.for_users());
        }
        self.auth_with::<User>()
    }

    /// The same with users of the application's own type and table. The commands are left out: they know only the users that
    /// the framework brings.
    pub fn auth_with<A: Account>(mut self) -> Self {
        self.users.make = Some(Auth::new::<A>);
        self
    }

    /// Declares what users may be allowed to do: names for the program, labels for people. They are put into the database by
    /// `migrate` and at the start.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// App::new(urls).auth().permissions([("blog.add_post", "Write posts"), ("blog.change_post", "Change posts")]);
    /// ```
    pub fn permissions<P: Into<Permission>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        self.users.permissions.extend(permissions.into_iter().map(Into::into));
        self
    }
}

fn run_command(command: &mut Command, run: fn(&commands::Context<'_>, &[String]) -> Result<()>) -> Result<()> {
    command.require_migrations()?;
    let (app, arguments) = (command.app().clone(), command.arguments().to_vec());
    let auth: &Auth = app.state().ok_or_else(|| Error::internal("this application has no users"))?;
    let (database, now) = (command.database()?.clone(), command.now());
    let print = RefCell::new(|line: &str| command.print(line));
    let print = |line: &str| (print.borrow_mut())(line);
    let context = commands::Context { app: &app, auth, database: &database, sessions: app.state(), now, print: &print };
    run(&context, &arguments)
}

/// Puts the permissions that the application declares into the database.
pub(crate) fn declare_permissions(ready: &Ready) -> Result<()> {
    match (ready.app.state::<Auth>(), &ready.database) {
        (Some(auth), Some(database)) if auth.permissions().next().is_some() => {
            lback_auth::declare_permissions(&mut *database.get()?, auth.permissions())
        }
        _ => Ok(()),
    }
}

/// For the command `check`.
pub(crate) fn check(ready: &Ready) -> Result<()> {
    ready.app.state::<Auth>().map_or(Ok(()), |auth| lback_auth::check_routes(&ready.app, auth))
}

/// For the command `check --deploy`.
#[cfg(feature = "auth-pages")]
pub(crate) fn check_deployed(ready: &Ready) -> Result<()> {
    ready.app.state::<Auth>().map_or(Ok(()), |auth| lback_auth::pages::check_site_url(&ready.app, auth))
}
