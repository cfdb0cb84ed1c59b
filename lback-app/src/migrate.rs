//! Applies pending migrations, and compares the tables with the database.

use lback_core::{Application, DebugSection, ProgramError, ProgramResult};
use lback_db::signals::MigrationApplied;
use lback_db::{Database, MigrationAction, Migrations, PlannedMigration, Tables};

use crate::assemble::Ready;
use crate::run::program;

/// Returns the migrations of an application.
///
/// # Errors
/// Returns an error if it was assembled without migrations.
pub(crate) fn migrations(app: &Application) -> ProgramResult<&Migrations> {
    app.state().ok_or_else(|| ProgramError::new("this application has no migrations"))
}

/// Applies the pending migrations, or migrates to `target`. [`MigrationApplied`] is sent once the database is no longer locked,
/// also for the migrations that were applied before one failed.
pub(crate) fn migrate(ready: &Ready, target: Option<&str>) -> ProgramResult<Vec<PlannedMigration>> {
    let mut done = Vec::new();
    let result = migrations(&ready.app)?.migrate(ready.database()?, target, |one| done.push(one.clone()));
    for applied in done.iter().filter(|one| one.action == MigrationAction::Apply) {
        ready.app.send(MigrationApplied::new(applied.name.clone()));
    }
    Ok(result.map(|()| done)?)
}

/// Returns the differences between the registered tables and the database. Returns none while migrations are pending.
pub(crate) fn differences(app: &Application) -> ProgramResult<Vec<String>> {
    let (Some(database), Some(tables)) = (app.state::<Database>(), app.state::<Tables>()) else { return Ok(Vec::new()) };
    match migrations(app)?.pending(database)?.is_empty() {
        true => Ok(tables.differences(&mut *database.get()?)?),
        false => Ok(Vec::new()),
    }
}

/// Returns the section about the database on the `DEBUG` error page, if migrations are pending or a table differs.
pub(crate) fn debug_section(app: &Application) -> Option<DebugSection> {
    let pending = migrations(app).ok()?.pending(app.state()?).ok()?;
    let rows: Vec<_> = if pending.is_empty() {
        let differences = differences(app).ok()?;
        differences.into_iter().map(|difference| ("differs from table!".to_owned(), difference)).collect()
    } else {
        pending.into_iter().map(|name| ("pending; run lback migrate".to_owned(), name)).collect()
    };
    (!rows.is_empty()).then(|| DebugSection { title: "Database".to_owned(), rows, is_cause: true })
}

/// Returns an error while migrations are pending.
pub(crate) fn require_migrations(app: &Application) -> ProgramResult {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let pending = migrations(app)?.pending(database)?;
    if pending.is_empty() {
        return Ok(());
    }
    let (migrations, them) = match pending.len() {
        1 => ("one migration is".to_owned(), "it"),
        count => (format!("{count} migrations are"), "them"),
    };
    Err(ProgramError::new(format!("{migrations} pending: {}. Apply {them} with: {} migrate", pending.join(", "), program())))
}
