//! Assembles an application from its settings, batteries, middleware and routes.

use std::sync::Arc;

use lback_core::middleware::{AllowedHosts, BodyReader, CorsMiddleware, Errors, RequestLog, SecurityHeaders, Slot, StaticFiles, Timeout};
use lback_core::settings::SettingsError;
use lback_core::{Application, Assembly, Clock, CoreSettings, ProgramError, ProgramResult, Settings};
use lback_db::{Database, DbSettings, Migrations};
use lback_session::{SessionManager, SessionSettings};

use crate::battery::{Battery, Hooks, Setup};
use crate::health;
use crate::info_page::own_pages;
use crate::{App, command};

/// An application that is ready to run.
pub(crate) struct Ready {
    pub(crate) app: Arc<Application>,
    pub(crate) hooks: Hooks,
}

impl Ready {
    /// Returns the database.
    ///
    /// # Errors
    /// Returns an error if the application has none.
    pub(crate) fn database(&self) -> ProgramResult<&Database> {
        self.app.state().ok_or_else(|| missing("database"))
    }

    /// Returns the session manager.
    ///
    /// # Errors
    /// Returns an error if the application has none.
    pub(crate) fn sessions(&self) -> ProgramResult<&SessionManager> {
        self.app.state().ok_or_else(|| missing("sessions"))
    }
}

/// Returns the error of a command that needs a part which the application does not have.
fn missing(what: &str) -> ProgramError {
    ProgramError::new(format!("this application has no {what}"))
}

impl App {
    /// Rejects unknown settings and invalid values.
    pub(crate) fn check_settings(&self, settings: &mut Settings) -> ProgramResult {
        settings.declare::<CoreSettings>();
        // Applications may share a settings file, and others may have a database and sessions.
        settings.declare_keys::<DbSettings>().declare_keys::<SessionSettings>();
        for battery in &self.batteries {
            battery.settings(settings);
        }
        settings.check_unknown(&[]).map_err(|error| with_remedy(error, &self.batteries))?;
        crate::log::check(&settings.section::<CoreSettings>()?.log)?;
        Ok(settings.check_declared()?)
    }

    /// Assembles the application. The settings must have been [checked](Self::check_settings). Tests pass a clock of their
    /// own.
    pub(crate) fn ready(mut self, settings: Settings, migrations: Migrations, clock: Clock) -> ProgramResult<Ready> {
        let tables = self.all_tables();
        self.order()?;
        let batteries = self.batteries;
        command::all(&batteries, self.commands)?;

        let mut assembly = Assembly::new(self.router, settings);
        assembly.clock(clock).state(migrations).state(tables);
        assembly.middleware(Slot::Edge, RequestLog).middleware(Slot::Edge, SecurityHeaders).middleware(Slot::Edge, CorsMiddleware::new());
        assembly.middleware(Slot::Errors, Errors).middleware(Slot::Host, AllowedHosts);
        assembly.middleware(Slot::Files, StaticFiles::new()).middleware(Slot::Body, BodyReader).middleware(Slot::View, Timeout);
        let mut setup = Setup::new(assembly);
        setup.info_page(health::page());
        for page in own_pages() {
            setup.info_page(page);
        }
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

/// Sorts the batteries so that each one follows those that it requires.
///
/// # Errors
/// Returns an error if a required battery is missing, two batteries have the same name, or a name is invalid.
pub(crate) fn in_order(mut batteries: Vec<Box<dyn Battery>>) -> ProgramResult<Vec<Box<dyn Battery>>> {
    let mut ordered: Vec<Box<dyn Battery>> = Vec::new();
    while !batteries.is_empty() {
        let is_installed = |name: &str| ordered.iter().any(|battery| battery.name() == name);
        let Some(next) = batteries.iter().position(|battery| battery.requires().iter().all(|name| is_installed(name))) else {
            return Err(unmet_requirement(&batteries, is_installed));
        };
        let next = batteries.remove(next);
        let name = next.name();
        if is_installed(name) {
            return Err(ProgramError::new(format!("two batteries are named \"{name}\"; rename one of them")));
        }
        if name.is_empty()
            || name.len() > MAX_NAME_LENGTH
            || !name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-0123456789".contains(&byte))
        {
            return Err(ProgramError::new(format!(
                "the battery name \"{name}\" is invalid: use at most {MAX_NAME_LENGTH} lower-case letters, digits, hyphens and underscores"
            )));
        }
        ordered.push(next);
    }
    Ok(ordered)
}

/// The name is recorded together with a version, in a column of 50 characters.
const MAX_NAME_LENGTH: usize = 30;

fn unmet_requirement(waiting: &[Box<dyn Battery>], is_installed: impl Fn(&str) -> bool) -> ProgramError {
    for battery in waiting {
        let missing = battery.requires().iter().find(|name| !is_installed(name) && waiting.iter().all(|other| other.name() != **name));
        if let Some(name) = missing {
            let (battery, remedy) = (battery.name(), remedy(name));
            return ProgramError::new(format!("{battery} requires {name}, which this application does not have. {remedy}"));
        }
    }
    let names: Vec<_> = waiting.iter().map(|battery| battery.name()).collect();
    ProgramError::new(format!("these batteries require each other: {}", names.join(", ")))
}

fn remedy(battery: &str) -> String {
    match battery {
        "database" => "Remove App::without_database()".to_owned(),
        "sessions" => "Remove App::without_sessions()".to_owned(),
        name => format!("Write App::new(urls).{name}(), or see its documentation"),
    }
}

/// Optional batteries of Lback, for settings without the battery itself: the name, which is also the name of the feature, the call that
/// installs the battery, and the prefixes of its settings.
const OPTIONAL: [(&str, &str, &[&str]); 7] = [
    ("mail", "mail()", &["MAIL_", "SMTP_"]),
    ("auth", "auth()", &["AUTH_", "LOGIN_", "LOGOUT_"]),
    ("jobs", "jobs(jobs![…])", &["JOBS_"]),
    ("cache", "cache()", &["CACHE_"]),
    ("realtime", "realtime()", &["CHANNEL_", "LIVE_"]),
    ("websockets", "websockets()", &["WEBSOCKET_"]),
    ("limits", "limits()", &["LIMITS_"]),
];

/// Explains how to install the battery if an unknown setting belongs to one that is missing.
fn with_remedy(error: SettingsError, batteries: &[Box<dyn Battery>]) -> ProgramError {
    let message = error.to_string();
    let mentions = |prefixes: &[&str]| prefixes.iter().any(|prefix| message.contains(&format!(": {prefix}")));
    let is_installed = |name: &str| batteries.iter().any(|battery| battery.name() == name);
    match OPTIONAL.iter().find(|(name, _, prefixes)| !is_installed(name) && mentions(prefixes)) {
        None => error.into(),
        Some((name, call, _)) => ProgramError::new(format!(
            "{message}\nSettings of {name} need the battery {name}. Write App::new(urls).{call}, and in Cargo.toml lback = {{ …, features = [\"{name}\"] }}"
        )),
    }
}
