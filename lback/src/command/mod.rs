//! The commands that every application has.

mod collectstatic;
mod dbshell;
mod help;
mod names;
mod own;

pub use own::Command;

pub(crate) use names::{check as check_names, unknown as unknown_command};
pub(crate) use own::OwnCommand;

use std::sync::Arc;

use lback_core::Result;
use lback_db::migrations::Applied;

use crate::app::Ready;
use crate::migrate::migrate;
use crate::run::{missing, program};
use crate::serve;

/// What the command line asks for.
pub(crate) enum Task {
    Serve(Option<String>),
    Migrate,
    Rollback(usize),
    ShowMigrations,
    DbShell(Vec<String>),
    Routes,
    CollectStatic(Option<String>),
    ClearSessions,
    #[cfg(feature = "mail")]
    SendTestMail(String),
    Check {
        deploy: bool,
    },
    Help(String),
    Own(OwnCommand, Vec<String>),
}

impl Task {
    /// Understands `arguments`, of which the first names a command: one that every application has, or one of `own`.
    pub(crate) fn parse(arguments: &[String], own: &mut Vec<OwnCommand>) -> Result<Self, String> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if let Some(help) = asked_for_help(&words, own) {
            return help.map(Task::Help);
        }
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ok(match words[..] {
            [] | ["serve"] => Task::Serve(None),
            ["serve", address] if !address.starts_with('-') => Task::Serve(Some(address.to_owned())),
            ["migrate"] => Task::Migrate,
            ["rollback"] => Task::Rollback(1),
            ["rollback", count] => match count.parse() {
                Ok(count) if count > 0 => Task::Rollback(count),
                _ => return Err(format!("rollback takes how many migrations to undo, a number above zero, and not \"{count}\"")),
            },
            ["showmigrations"] => Task::ShowMigrations,
            ["dbshell", "--", ref rest @ ..] | ["dbshell", ref rest @ ..] => Task::DbShell(owned(rest)),
            ["routes"] => Task::Routes,
            ["collectstatic"] => Task::CollectStatic(None),
            ["collectstatic", folder] if !folder.starts_with('-') => Task::CollectStatic(Some(folder.to_owned())),
            ["clearsessions"] => Task::ClearSessions,
            #[cfg(feature = "mail")]
            ["sendtestmail", address] if !address.starts_with('-') => Task::SendTestMail(address.to_owned()),
            ["check"] => Task::Check { deploy: false },
            ["check", "--deploy"] => Task::Check { deploy: true },
            [name, ref rest @ ..] if names::is_built_in(name) => {
                return Err(format!("{name} does not take \"{}\"; see help", rest.join(" ")));
            }
            [name, ref rest @ ..] => match own.iter().position(|command| command.name == name) {
                Some(at) => Task::Own(own.remove(at), owned(rest)),
                None => return Err(names::unknown(name, own)),
            },
        })
    }

    pub(crate) fn run(self, ready: Ready) -> Result<()> {
        match self {
            // Shown without a look at the settings.
            Task::Help(_) => {}
            Task::Own(command, arguments) => command.run(Arc::new(ready), arguments)?,
            Task::Serve(address) => serve::serve(&ready, address.as_deref())?,
            Task::Migrate => {
                let applied = migrate(&ready, ready.database()?)?;
                for name in &applied {
                    println!("applied {name}");
                }
                if applied.is_empty() {
                    println!("nothing to apply");
                }
                #[cfg(feature = "auth")]
                crate::auth::declare_permissions(&ready)?;
            }
            Task::Rollback(count) => {
                let undone = ready.migrations.rollback(ready.database()?, count)?;
                for name in &undone {
                    println!("undid {name}");
                }
                if undone.is_empty() {
                    println!("nothing to undo");
                }
            }
            Task::ShowMigrations => {
                for migration in ready.migrations.status(ready.database()?)? {
                    match migration.state {
                        Applied::Yes => println!("[X] {}", migration.name),
                        Applied::No => println!("[ ] {}", migration.name),
                        Applied::Unknown => println!("[X] {} (applied, and not in the migrations folder)", migration.name),
                    }
                }
            }
            Task::Routes => {
                for route in ready.app.routes() {
                    let methods: Vec<_> = route.methods().iter().map(lback_core::Method::as_str).collect();
                    let methods = if methods.is_empty() { "ANY".to_owned() } else { methods.join(",") };
                    let line = format!("{methods:<12} {:<32} {:<20} {}", route.pattern(), route.name().unwrap_or_default(), let_in(route));
                    println!("{}", line.trim_end());
                }
            }
            Task::DbShell(arguments) => dbshell::dbshell(&ready, &arguments)?,
            Task::CollectStatic(folder) => collectstatic::collectstatic(&ready, folder.as_deref())?,
            #[cfg(feature = "mail")]
            Task::SendTestMail(address) => crate::mail::send_test_mail(&ready.app, &address)?,
            Task::Check { deploy } => crate::check::check(&ready, deploy)?,
            Task::ClearSessions => {
                let sessions = ready.sessions.as_ref().ok_or_else(|| missing("sessions"))?;
                require_migrations(&ready)?;
                println!("deleted {} expired sessions", sessions.clear_expired()?);
            }
        }
        Ok(())
    }
}

/// What is shown, where that is all that is asked for.
fn asked_for_help(words: &[&str], own: &[OwnCommand]) -> Option<Result<String, String>> {
    let is_help = |word: &&str| matches!(*word, "--help" | "-h");
    match *words {
        ["help" | "--help" | "-h"] | ["--help" | "-h", "--help" | "-h", ..] => Some(Ok(help::help(own))),
        ["help" | "--help" | "-h", ref name, ..] if !is_help(name) => Some(help::of_command(name, own)),
        [name, ref rest @ ..] => {
            // What follows further behind may be the shell's, or the application's own to understand.
            let is_free = name == "dbshell" || own.iter().any(|command| command.name == name && !command.is_for_users);
            let asked = if is_free { rest.first().is_some_and(is_help) } else { rest.iter().any(is_help) };
            asked.then(|| help::of_command(name, own))
        }
        [] => None,
    }
}

impl Ready {
    fn database(&self) -> Result<&lback_db::Database> {
        self.database.as_ref().ok_or_else(|| missing("database"))
    }
}

/// Who is let in, where not everybody is.
#[cfg_attr(not(feature = "auth"), expect(unused_variables, reason = "there are no users"))]
fn let_in(route: &lback_core::Route) -> String {
    #[cfg(feature = "auth")]
    return lback_auth::RouteAuth::requirements(route).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    #[cfg(not(feature = "auth"))]
    String::new()
}

/// Refuses to go on while migrations are pending.
pub(crate) fn require_migrations(ready: &Ready) -> Result<()> {
    let Some(database) = &ready.database else { return Ok(()) };
    let pending = ready.migrations.pending(database)?;
    if pending.is_empty() {
        return Ok(());
    }
    Err(lback_core::Error::internal(format!(
        "the database lacks {} migrations: {}. Apply them with: {} migrate",
        pending.len(),
        pending.join(", "),
        program()
    )))
}
