//! Applies pending migrations, and compares the tables with the database.

use lback_core::{Application, DebugSection, ProgramError, ProgramResult};
use lback_db::signals::MigrationApplied;
use lback_db::{Database, Migrations, Tables};

use crate::assemble::Ready;
use crate::run::program;

/// Returns the migrations of an application.
///
/// # Errors
/// Returns an error if it was assembled without migrations.
pub(crate) fn migrations(app: &Application) -> ProgramResult<&Migrations> {
    app.state().ok_or_else(|| ProgramError::new("this application has no migrations"))
}

/// Applies the pending migrations. [`MigrationApplied`] is sent once the database is no longer locked, also for the
/// migrations that were applied before one failed.
pub(crate) fn migrate(ready: &Ready) -> ProgramResult<Vec<String>> {
    let mut applied = Vec::new();
    let result = migrations(&ready.app)?.apply_each(ready.database()?, |name| applied.push(name.to_owned()));
    applied.into_iter().for_each(|name| ready.app.send(MigrationApplied::new(name)));
    Ok(result?)
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
