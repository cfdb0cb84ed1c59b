//! The command `migrate`.

use lback_core::ProgramResult;
use lback_db::{MigrationAction, PlannedMigration};

use super::{Command, CommandSpec};
use crate::migrate::{migrate, migrations};

/// The note about a pending migration that is older than applied ones.
pub(super) const LATE: &str = "older than applied migrations, and applied after them";

pub(crate) fn command() -> CommandSpec {
    let about = "[TARGET]  applies pending migrations, or goes to the state after the migration TARGET
These are the migrations of the application and of its batteries; showmigrations lists them. If TARGET is pending, it and those before
it are applied. If it is applied, the application's migrations after it are rolled back, newest first. The beginning of its name is
enough; zero is the state before the application's first migration.

  --plan   prints what would be applied or rolled back, and changes nothing
  --fake   records migrations as applied, or as not applied, without running their SQL";
    CommandSpec::new("migrate", about, |command| {
        let Options { target, plan, fake } = Options::parse(command.arguments());
        if plan {
            return print_plan(command, target.as_deref(), fake);
        }
        let done = match fake {
            true => record(command, target.as_deref())?,
            false => migrate(command.ready(), target.as_deref())?,
        };
        for PlannedMigration { name, action, .. } in &done {
            command.print(match action {
                MigrationAction::Apply if fake => format!("recorded {name} as applied, without running its SQL"),
                MigrationAction::Apply => format!("applied {name}"),
                MigrationAction::RollBack if fake => format!("recorded {name} as not applied, without running its SQL"),
                MigrationAction::RollBack => format!("rolled back {name}"),
            });
        }
        if done.is_empty() {
            command.print(nothing(target.as_deref()));
        }
        let ready = command.ready();
        for migration in migrations(&ready.app)?.status(ready.database()?)? {
            if let Some(file) = migration.changed {
                eprintln!("warning: {file} was edited after it was applied, which has no effect on the database; run check for what to do");
            }
        }
        ready.hooks.migrated(&ready.app)
    })
    .arguments(|arguments| {
        let targets = arguments.iter().filter(|argument| !argument.starts_with('-')).count();
        let is_known = |argument: &&str| !argument.starts_with('-') || ["--plan", "--fake"].contains(argument);
        match arguments.iter().find(|argument| !is_known(argument)) {
            Some(option) => Err(format!("migrate has no option {option}; its options are --plan and --fake")),
            None if targets > 1 => Err(format!("migrate takes one migration as its target, and not \"{}\"", arguments.join(" "))),
            None => Ok(()),
        }
    })
}

struct Options {
    target: Option<String>,
    plan: bool,
    fake: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Self {
        let has = |option: &str| arguments.iter().any(|argument| argument == option);
        let target = arguments.iter().find(|argument| !argument.starts_with('-')).cloned();
        Options { target, plan: has("--plan"), fake: has("--fake") }
    }
}

fn print_plan(command: &mut Command, target: Option<&str>, fake: bool) -> ProgramResult {
    let plan = migrations(command.app())?.plan(command.database()?, target)?;
    for PlannedMigration { name, action, in_transaction, is_late, .. } in &plan {
        let verb = match action {
            MigrationAction::Apply if fake => "would record as applied",
            MigrationAction::Apply => "would apply",
            MigrationAction::RollBack if fake => "would record as not applied",
            MigrationAction::RollBack => "would roll back",
        };
        let notes = [(!in_transaction && !fake).then_some("without a transaction"), is_late.then_some(LATE)];
        let notes: Vec<&str> = notes.into_iter().flatten().collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        command.print(format!("{verb} {name}{notes}"));
    }
    if plan.is_empty() {
        command.print(nothing(target));
    }
    Ok(())
}

/// Records the migrations without running their SQL.
fn record(command: &mut Command, target: Option<&str>) -> ProgramResult<Vec<PlannedMigration>> {
    let mut done = Vec::new();
    migrations(command.app())?.fake(command.database()?, target, |one| done.push(one.clone()))?;
    Ok(done)
}

fn nothing(target: Option<&str>) -> String {
    match target {
        None => "nothing to apply".to_owned(),
        Some(target) => format!("nothing to do: the database is at {target}"),
    }
}
