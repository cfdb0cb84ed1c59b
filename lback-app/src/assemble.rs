//! An application put together: its settings, batteries, middleware and routes.

use std::sync::Arc;

use lback_core::middleware::{AllowedHosts, BodyReader, Errors, RequestLog, SecurityHeaders, Slot, StaticFiles, Timeout};
use lback_core::settings::SettingsError;
use lback_core::{Application, Assembly, Clock, CoreSettings, Error, Result, Settings};
use lback_db::{Database, DbSettings, Migrations};
use lback_session::{SessionManager, SessionSettings};

use crate::battery::{Battery, Hooks, Setup};
use crate::{App, command};

/// An application that is ready to run.
pub(crate) struct Ready {
    pub(crate) app: Arc<Application>,
    pub(crate) hooks: Hooks,
}

impl Ready {
    /// The database.
    ///
    /// # Errors
    /// If the application has none.
    pub(crate) fn database(&self) -> Result<&Database> {
        self.app.state().ok_or_else(|| missing("database"))
    }

    /// The sessions.
    ///
    /// # Errors
    /// If the application has none.
    pub(crate) fn sessions(&self) -> Result<&SessionManager> {
        self.app.state().ok_or_else(|| missing("sessions"))
    }
}

/// The error of a command for which the application lacks a part.
fn missing(what: &str) -> Error {
    Error::internal(format!("this application has no {what}"))
}

impl App {
    /// Refuses settings that nothing reads, and values that cannot work.
    pub(crate) fn check_settings(&self, settings: &mut Settings) -> Result<()> {
        settings.declare::<CoreSettings>();
        // A settings file may be shared with applications that have a database and sessions.
        settings.declare_keys::<DbSettings>().declare_keys::<SessionSettings>();
        for battery in &self.batteries {
            battery.settings(settings);
        }
        settings.check_unknown(&[]).map_err(|error| with_remedy(error, &self.batteries))?;
        crate::log::check(&settings.section::<CoreSettings>()?.log)?;
        Ok(settings.check_declared()?)
    }

    /// Puts everything together, with settings that are [checked](Self::check_settings). `clock` is for tests.
    pub(crate) fn ready(mut self, settings: Settings, migrations: Migrations, clock: Clock) -> Result<Ready> {
        let tables = self.all_tables();
        self.order()?;
        let batteries = self.batteries;
        command::all(&batteries, self.commands)?;

        let mut assembly = Assembly::new(self.router, settings);
        assembly.clock(clock).state(migrations).state(tables);
        assembly.middleware(Slot::Edge, RequestLog).middleware(Slot::Edge, SecurityHeaders);
        assembly.middleware(Slot::Errors, Errors).middleware(Slot::Host, AllowedHosts);
        assembly.middleware(Slot::Files, StaticFiles::new()).middleware(Slot::Body, BodyReader).middleware(Slot::View, Timeout);
        let mut setup = Setup::new(assembly);
        for battery in batteries {
            battery.install(&mut setup)?;
        }
        for change in self.middleware.into_iter().chain(self.assembly) {
            change(&mut setup)?;
        }
        for change in self.stack {
            change(setup.stack_mut())?;
        }
        setup.listeners_mut().append(self.listeners);
        let (app, hooks) = setup.build()?;
        Ok(Ready { app, hooks })
    }
}

/// The batteries, each behind those that it requires.
///
/// # Errors
/// If a battery lacks one that it requires, two have the same name, or a name cannot be recorded.
pub(crate) fn in_order(mut batteries: Vec<Box<dyn Battery>>) -> Result<Vec<Box<dyn Battery>>> {
    let mut ordered: Vec<Box<dyn Battery>> = Vec::new();
    while !batteries.is_empty() {
        let is_there = |name: &str| ordered.iter().any(|battery| battery.name() == name);
        let Some(next) = batteries.iter().position(|battery| battery.requires().iter().all(|name| is_there(name))) else {
            return Err(unfulfilled(&batteries, is_there));
        };
        let next = batteries.remove(next);
        let name = next.name();
        if is_there(name) {
            return Err(Error::internal(format!("two batteries are called \"{name}\"; rename one")));
        }
        if name.is_empty()
            || name.len() > LONGEST_NAME
            || !name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-0123456789".contains(&byte))
        {
            return Err(Error::internal(format!(
                "the battery \"{name}\" needs another name: lower-case letters, digits, - and _, and {LONGEST_NAME} of them at most"
            )));
        }
        ordered.push(next);
    }
    Ok(ordered)
}

/// With a version behind it, a name is recorded in a column of 50 characters.
const LONGEST_NAME: usize = 30;

fn unfulfilled(waiting: &[Box<dyn Battery>], is_there: impl Fn(&str) -> bool) -> Error {
    for battery in waiting {
        let lacking = battery.requires().iter().find(|name| !is_there(name) && waiting.iter().all(|other| other.name() != **name));
        if let Some(name) = lacking {
            let (battery, remedy) = (battery.name(), remedy(name));
            return Error::internal(format!("{battery} needs {name}, which this application lacks. {remedy}"));
        }
    }
    let names: Vec<_> = waiting.iter().map(|battery| battery.name()).collect();
    Error::internal(format!("these batteries require each other: {}", names.join(", ")))
}

fn remedy(battery: &str) -> String {
    match battery {
        "database" => "Remove App::without_database()".to_owned(),
        "sessions" => "Remove App::without_sessions()".to_owned(),
        name => format!("Write App::new(urls).{name}(), or what its documentation says"),
    }
}

/// Batteries of lback that a project may have settings of without having the battery: the name, which is also that of the feature
/// and of the method of `App`, and how their settings begin.
const OPTIONAL: [(&str, &[&str]); 2] = [("mail", &["MAIL_", "SMTP_"]), ("auth", &["AUTH_", "LOGIN_", "LOGOUT_"])];

/// Adds to an unknown setting of a battery that is missing how to get the battery.
fn with_remedy(error: SettingsError, batteries: &[Box<dyn Battery>]) -> Error {
    let message = error.to_string();
    let speaks_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| message.contains(&format!(": {prefix}")));
    let is_there = |name: &str| batteries.iter().any(|battery| battery.name() == name);
    match OPTIONAL.iter().find(|(name, prefixes)| !is_there(name) && speaks_of(prefixes)) {
        None => error.into(),
        Some((name, _)) => Error::internal(format!(
            "{message}\nSettings of {name} need {name}: write App::new(urls).{name}(), and in Cargo.toml lback = {{ …, features = [\"{name}\"] }}"
        )),
    }
}
