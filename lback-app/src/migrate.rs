//! Applies migrations, and tells of them.

use lback_core::{Application, DebugSection, Error, Result};
use lback_db::signals::MigrationApplied;
use lback_db::{Database, Migrations, Tables};

use crate::assemble::Ready;
use crate::run::program;

/// The migrations of an application.
///
/// # Errors
/// If it was put together without any.
pub(crate) fn migrations(app: &Application) -> Result<&Migrations> {
    app.state().ok_or_else(|| Error::internal("this application has no migrations"))
}

/// Applies what is pending. The listeners are told when the database is no longer locked, also of what was applied before
/// one that failed.
pub(crate) fn migrate(ready: &Ready) -> Result<Vec<String>> {
    let mut applied = Vec::new();
    let result = migrations(&ready.app)?.apply_each(ready.database()?, |name| applied.push(name.to_owned()));
    applied.into_iter().for_each(|name| ready.app.send(MigrationApplied { name }));
    result
}

/// What the database lacks of the tables that the program works with; nothing while migrations are pending.
pub(crate) fn differences(app: &Application) -> Result<Vec<String>> {
    let (Some(database), Some(tables)) = (app.state::<Database>(), app.state::<Tables>()) else { return Ok(Vec::new()) };
    match migrations(app)?.pending(database)?.is_empty() {
        true => tables.differences(&mut *database.get()?),
        false => Ok(Vec::new()),
    }
}

/// What the page that shows an error while `DEBUG` is on says of the database, if it is not what the program expects.
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

/// Refuses to go on while migrations are pending.
pub(crate) fn require_migrations(app: &Application) -> Result<()> {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let pending = migrations(app)?.pending(database)?;
    if pending.is_empty() {
        return Ok(());
    }
    let (migrations, them) = match pending.len() {
        1 => ("one migration".to_owned(), "it"),
        count => (format!("{count} migrations"), "them"),
    };
    Err(Error::internal(format!("the database lacks {migrations}: {}. Apply {them} with: {} migrate", pending.join(", "), program())))
}
