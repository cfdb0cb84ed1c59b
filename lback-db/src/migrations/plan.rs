//! Which migrations a run applies or rolls back, and in which order.

use lback_core::settings::nearest;
use lback_core::{Error, Result};

use super::migration::{Migration, SEPARATOR};
use super::state::State;
use super::status::Applied;

/// A migration that [`Migrations::migrate`](super::Migrations::migrate) applies or rolls back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedMigration {
    /// The name of its folder, after that of its battery. For a migration whose folder is missing, the recorded version.
    pub name: String,
    /// Whether it is applied or rolled back.
    pub action: MigrationAction,
    /// Whether it runs in a transaction, so that it happens as a whole or not at all.
    pub in_transaction: bool,
    /// Whether it is older than migrations that are applied already, as after the merge of two branches.
    pub is_late: bool,
}

/// The action that a plan takes for a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationAction {
    /// It is applied.
    Apply,
    /// It is rolled back.
    RollBack,
}

/// A step of a plan.
pub(super) enum Step<'a> {
    Apply(&'a Migration),
    /// The recorded key, and the migration unless its folder is missing.
    RollBack(String, Option<&'a Migration>),
}

/// The name of the state without any migration of the application.
const ZERO: &str = "zero";

impl State {
    /// Returns the steps to `target`, or those that apply everything.
    pub(super) fn steps(&self, target: Option<&str>) -> Result<Vec<Step<'_>>> {
        let Some(target) = target else { return Ok(self.pending().map(Step::Apply).collect()) };
        if target == ZERO {
            return Ok(self.back(|_| true).collect());
        }
        let target = self.find_own(target)?;
        if self.is_applied(target) {
            return Ok(self.back(|version| version > target.version.as_str()).collect());
        }
        let up_to = |migration: &&Migration| migration.battery.is_some() || migration.version <= target.version;
        Ok(self.pending().filter(up_to).map(Step::Apply).collect())
    }

    /// Returns the steps that roll back the applied migrations of the application with these versions, newest first.
    pub(super) fn back(&self, is_affected: impl Fn(&str) -> bool) -> impl Iterator<Item = Step<'_>> {
        let applied = self.status().into_iter().rev().filter(|one| one.state != Applied::No && !one.version.contains(SEPARATOR));
        let affected = applied.filter(move |one| is_affected(&one.version));
        affected.map(|one| {
            let migration = self.find(&one.version);
            Step::RollBack(one.version, migration)
        })
    }

    /// Finds a migration of the application by its name or the beginning of its name, with or without the version.
    fn find_own(&self, name: &str) -> Result<&Migration> {
        if let Some(of_battery) = self.known.iter().find(|migration| migration.battery.is_some() && migration.title() == name) {
            return Err(Error::bad_request(format!(
                "{name} is a migration of the battery {}. Only migrations of the application can be named; migrate applies those of batteries",
                of_battery.battery.unwrap_or_default()
            )));
        }
        let own: Vec<&Migration> = self.known.iter().filter(|migration| migration.battery.is_none()).collect();
        find(&own, name, &format!("{ZERO} stands for the state before the first one"))
    }
}

/// Finds a migration by its name or the beginning of its name, with or without the version.
///
/// # Errors
/// Returns an error with similar names if none or several fit.
pub(super) fn find<'a>(all: &[&'a Migration], name: &str, hint: &str) -> Result<&'a Migration> {
    let plain = |migration: &'a Migration| migration.name.split_once('_').map_or("", |(_, name)| name);
    if let Some(exact) = all.iter().find(|one| one.title() == name || one.name == name) {
        return Ok(exact);
    }
    let named = |several: &[&Migration]| {
        const NAMED: usize = 5;
        let more = if several.len() > NAMED { ", …" } else { "" };
        several.iter().take(NAMED).map(|one| one.title()).collect::<Vec<_>>().join(", ") + more
    };
    let same: Vec<&Migration> = all.iter().filter(|one| !name.is_empty() && plain(one) == name).copied().collect();
    match same.as_slice() {
        [] => {}
        [one] => return Ok(one),
        several => {
            return Err(Error::bad_request(format!("\"{name}\" fits several migrations: {}. Write the whole name", named(several))));
        }
    }
    let begins = |one: &Migration| !name.is_empty() && (one.title().starts_with(name) || one.name.starts_with(name));
    let fit: Vec<&Migration> =
        all.iter().filter(|one| begins(one) || (!name.is_empty() && plain(one).starts_with(name))).copied().collect();
    match fit.as_slice() {
        [one] => Ok(one),
        [] => {
            let titles: Vec<String> = all.iter().map(|one| one.title()).collect();
            let names: Vec<&str> = titles.iter().map(String::as_str).chain(all.iter().map(|one| plain(one))).collect();
            let near = match nearest(name, &names) {
                Some(near) => format!("did you mean {near}?"),
                None => "showmigrations lists them".to_owned(),
            };
            let hint = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
            Err(Error::bad_request(format!("there is no migration \"{name}\"; {near}{hint}")))
        }
        several => Err(Error::bad_request(format!(
            "\"{name}\" is the beginning of several migrations: {}. Write more of the name",
            named(several)
        ))),
    }
}

impl Step<'_> {
    /// Describes the step.
    pub(super) fn describe(&self, state: &State) -> PlannedMigration {
        let (name, action) = match self {
            Step::Apply(migration) => (migration.title(), MigrationAction::Apply),
            Step::RollBack(key, migration) => (migration.map_or_else(|| key.clone(), Migration::title), MigrationAction::RollBack),
        };
        let migration = self.migration();
        PlannedMigration {
            name,
            action,
            in_transaction: migration.is_none_or(|migration| migration.in_transaction),
            is_late: action == MigrationAction::Apply && migration.is_some_and(|migration| state.is_late(migration)),
        }
    }

    pub(super) fn migration(&self) -> Option<&Migration> {
        match self {
            Step::Apply(migration) => Some(migration),
            Step::RollBack(_, migration) => *migration,
        }
    }
}
