//! A database for each test, at the cost of writing a file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use lback_core::{Result, Secret};
use lback_db::diesel::connection::SimpleConnection;
use lback_db::{Database, Db, DbSettings, Migrations};

/// Databases that were migrated, as the bytes of their files, by the names of their migrations.
static MIGRATED: LazyLock<Mutex<HashMap<Vec<String>, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// Puts a database with `migrations` applied into `folder`, and returns its URL. They are applied once in a process; from
/// then on the result is copied.
pub(super) fn prepare(migrations: &Migrations, folder: &Path) -> Result<String> {
    let path = folder.join("db.sqlite");
    let url = format!("sqlite:{}", path.display());
    let names = migrations.names()?;
    let mut migrated = MIGRATED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = migrated.get(&names) {
        std::fs::write(path, bytes)?;
        return Ok(url);
    }
    let settings = DbSettings { database_url: Secret::new(url.clone()), ..DbSettings::default() };
    let database = Database::open(&settings, folder)?;
    migrations.apply(&database)?;
    let Db::Sqlite(connection) = &mut database.connect()?;
    connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
    migrated.insert(names, std::fs::read(path)?);
    Ok(url)
}
