//! Applies migrations, and tells of them.

use lback_core::Result;
use lback_db::Database;
use lback_db::signals::MigrationApplied;

use crate::app::Ready;

/// Applies what is pending. The listeners are told when the database is no longer locked, also of what was applied before
/// one that failed.
pub(crate) fn migrate(ready: &Ready, database: &Database) -> Result<Vec<String>> {
    let mut applied = Vec::new();
    let result = ready.migrations.apply_each(database, |name| applied.push(name.to_owned()));
    applied.into_iter().for_each(|name| ready.app.send(MigrationApplied { name }));
    result
}
