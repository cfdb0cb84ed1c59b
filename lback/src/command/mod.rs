//! The commands that every application has.

use lback_core::Result;
use lback_db::migrations::Applied;

use crate::app::Ready;
use crate::run::{missing, program};
use crate::serve;

pub(crate) const HELP: &str = "\
Usage: [COMMAND]

Commands:
  serve [ADDRESS]   answers requests, on HOST and PORT of the settings or on ADDRESS (default)
  migrate           applies the migrations that are pending
  rollback [N]      undoes the newest of the application's migrations, or the newest N
  showmigrations    lists the migrations; [X] marks those that are applied
  routes            lists the routes
  clearsessions     deletes expired sessions
  check [--deploy]  looks for what is wrong, with --deploy also for what a public server must not have
  help              shows this

The settings are read from settings.toml in this folder, or in the one that LBACK_ROOT names.";

pub(crate) enum Command {
    Serve(Option<String>),
    Migrate,
    Rollback(usize),
    ShowMigrations,
    Routes,
    ClearSessions,
    Check { deploy: bool },
    Help,
}

const NAMES: &str = "serve, migrate, rollback, showmigrations, routes, clearsessions, check, help";

impl Command {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(match arguments[..] {
            [] | ["serve"] => Command::Serve(None),
            ["serve", address] if !address.starts_with('-') => Command::Serve(Some(address.to_owned())),
            ["migrate"] => Command::Migrate,
            ["rollback"] => Command::Rollback(1),
            ["rollback", count] => match count.parse() {
                Ok(count) if count > 0 => Command::Rollback(count),
                _ => return Err(format!("rollback takes how many migrations to undo, a number above zero, and not \"{count}\"")),
            },
            ["showmigrations"] => Command::ShowMigrations,
            ["routes"] => Command::Routes,
            ["clearsessions"] => Command::ClearSessions,
            ["check"] => Command::Check { deploy: false },
            ["check", "--deploy"] => Command::Check { deploy: true },
            ["help" | "--help" | "-h", ..] => Command::Help,
            [name, ref rest @ ..] if NAMES.split(", ").any(|known| known == name) => {
                return Err(format!("{name} does not take \"{}\"; see help", rest.join(" ")));
            }
            [name, ..] => return Err(format!("there is no command \"{name}\"; there are {NAMES}")),
        })
    }

    pub(crate) fn run(self, ready: &Ready) -> Result<()> {
        match self {
            Command::Help => println!("{HELP}"),
            Command::Serve(address) => serve::serve(ready, address.as_deref())?,
            Command::Migrate => {
                let applied = ready.migrations.apply(ready.database()?)?;
                for name in &applied {
                    println!("applied {name}");
                }
                if applied.is_empty() {
                    println!("nothing to apply");
                }
            }
            Command::Rollback(count) => {
                let undone = ready.migrations.rollback(ready.database()?, count)?;
                for name in &undone {
                    println!("undid {name}");
                }
                if undone.is_empty() {
                    println!("nothing to undo");
                }
            }
            Command::ShowMigrations => {
                for migration in ready.migrations.status(ready.database()?)? {
                    match migration.state {
                        Applied::Yes => println!("[X] {}", migration.name),
                        Applied::No => println!("[ ] {}", migration.name),
                        Applied::Unknown => println!("[X] {} (applied, and not in the migrations folder)", migration.name),
                    }
                }
            }
            Command::Routes => {
                for route in ready.app.routes() {
                    let methods: Vec<_> = route.methods().iter().map(lback_core::Method::as_str).collect();
                    let methods = if methods.is_empty() { "ANY".to_owned() } else { methods.join(",") };
                    let line = format!("{methods:<12} {:<32} {}", route.pattern(), route.name().unwrap_or_default());
                    println!("{}", line.trim_end());
                }
            }
            Command::Check { deploy } => crate::check::check(ready, deploy)?,
            Command::ClearSessions => {
                let sessions = ready.sessions.as_ref().ok_or_else(|| missing("sessions"))?;
                require_migrations(ready)?;
                println!("deleted {} expired sessions", sessions.clear_expired()?);
            }
        }
        Ok(())
    }
}

impl Ready {
    fn database(&self) -> Result<&lback_db::Database> {
        self.database.as_ref().ok_or_else(|| missing("database"))
    }
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
