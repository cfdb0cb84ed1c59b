//! Databases for tests.

use std::fmt;

use diesel::connection::SimpleConnection;
use lback_core::{Clock, Error, Result, Secret};

use crate::database_url::Target;
use crate::manager::{Manager, Purpose};
use crate::{DbSettings, Kind};

/// A PostgreSQL database on the server that the settings name, which is dropped with this value.
///
/// The user in `DATABASE_URL` needs the right to create databases: `ALTER USER name CREATEDB`.
#[must_use = "the database is dropped with this value"]
pub struct TemporaryDatabase {
    manager: Manager,
    name: String,
    url: Secret,
}

/// Shows no address, which may contain a password.
impl fmt::Debug for TemporaryDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryDatabase").field("name", &self.name).finish_non_exhaustive()
    }
}

impl TemporaryDatabase {
    /// Creates an empty database whose name begins with `test_`. Returns `None` if `DATABASE_URL` does not name PostgreSQL.
    ///
    /// # Errors
    /// Returns an error if the server cannot be reached or refuses.
    pub fn beside(settings: &DbSettings) -> Result<Option<Self>> {
        let target = Target::parse(settings.database_url.expose(), std::path::Path::new("."))?;
        if target.kind() != Kind::Postgres {
            return Ok(None);
        }
        let manager = Manager::new(target, settings.clone(), Clock::system());
        let mut connection = manager.open(Purpose::Migrate).map_err(|error| manager.cannot_open(error))?;
        let (name, url) = match &manager.target {
            Target::Postgres(url) => {
                // PostgreSQL truncates names that are longer than 63 bytes.
                let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                let beside: String = url.database().chars().filter(plain).take(20).collect();
                let name = format!("test_{beside}_{}", unique());
                let url = url.with_database(&name);
                (name, url)
            }
            #[cfg(feature = "sqlite")]
            Target::Sqlite(_) => return Ok(None),
        };
        connection.batch_execute(&format!("CREATE DATABASE \"{name}\"")).map_err(|error| {
            Error::internal(format!(
                "the database {name} cannot be created for a test. The user in DATABASE_URL needs the right to: ALTER USER … CREATEDB"
            ))
            .with_source(error)
        })?;
        Ok(Some(TemporaryDatabase { manager, name, url }))
    }

    /// Returns its `DATABASE_URL`.
    pub fn url(&self) -> &Secret {
        &self.url
    }
}

impl Drop for TemporaryDatabase {
    fn drop(&mut self) {
        let dropped = self
            .manager
            .open(Purpose::Migrate)
            .map_err(|error| error.to_string())
            // FORCE closes connections that a test has left open.
            .and_then(|mut db| {
                db.batch_execute(&format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name)).map_err(|error| error.to_string())
            });
        if let Err(error) = dropped {
            tracing::warn!(target: "lback::db", "the database {} of a test could not be dropped: {error}", self.name);
        }
    }
}

/// Returns a name that no other test database has: the process, the time, and a counter.
fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};

    static COUNT: AtomicU32 = AtomicU32::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{}_{time:x}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
