//! A connection for migrations that holds a lock against other processes.

#[cfg(feature = "sqlite")]
use std::path::Path;

#[cfg(feature = "sqlite")]
use diesel::connection::SimpleConnection;
#[cfg(feature = "sqlite")]
use lback_core::private_files;
use lback_core::{Error, Result};

use crate::manager::Purpose;
use crate::{Database, Db};

/// A connection outside of the pool that holds the migration lock of the database until it is dropped.
pub(crate) struct Exclusive {
    pub(crate) db: Db,
    #[cfg(feature = "sqlite")]
    _lock: Option<std::fs::File>,
}

/// The name of the lock on a PostgreSQL database: "lback" in ASCII.
#[cfg(feature = "postgres")]
const ADVISORY_LOCK: i64 = 0x6c_62_61_63_6b;

impl Exclusive {
    /// Waits until no other process migrates the database.
    pub(crate) fn open(database: &Database) -> Result<Self> {
        #[cfg(feature = "sqlite")]
        let lock = database.path().map(|path| lock_file(&path)).transpose()?;
        let mut db = database.open_for(Purpose::Migrate)?;
        match &mut db {
            // SQLite changes a table by rebuilding it: create the new one, copy, drop the old one. With references enforced, that
            // would delete the rows that refer to it. So they are compared instead.
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => connection.batch_execute("PRAGMA foreign_keys = OFF")?,
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => wait_for_lock(connection.diesel()?)?,
        }
        Ok(Exclusive {
            db,
            #[cfg(feature = "sqlite")]
            _lock: lock,
        })
    }
}

/// Returns whether a connection has the lock of this database. It belongs to the database, by whatever address that is reached.
#[cfg(feature = "postgres")]
pub(crate) fn is_locked(connection: &mut diesel::PgConnection) -> diesel::QueryResult<bool> {
    use diesel::RunQueryDsl;
    use diesel::dsl::sql;
    use diesel::sql_types::Bool;

    // Two that ask at once do not take each other for the owner.
    let is_free: bool = sql::<Bool>(&format!("SELECT pg_try_advisory_lock_shared({ADVISORY_LOCK})")).get_result(connection)?;
    if is_free {
        diesel::sql_query(format!("SELECT pg_advisory_unlock_shared({ADVISORY_LOCK})")).execute(connection)?;
    }
    Ok(!is_free)
}

/// Polls for the lock. A statement that waits for it in the server would hold a snapshot, and `CREATE INDEX CONCURRENTLY` in the
/// process that has the lock would wait for that snapshot in turn.
#[cfg(feature = "postgres")]
fn wait_for_lock(connection: &mut diesel::PgConnection) -> Result<()> {
    use std::time::Duration;

    use diesel::RunQueryDsl;
    use diesel::dsl::sql;
    use diesel::sql_types::Bool;

    const LONGEST_PAUSE: Duration = Duration::from_millis(50);
    let attempt = format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK})");
    // The server takes a moment to release the lock of a connection that was closed.
    let mut pause = Duration::from_millis(1);
    loop {
        let locked = sql::<Bool>(&attempt).get_result(connection);
        if locked.map_err(|error| Error::internal("cannot lock the database to migrate").with_source(error))? {
            return Ok(());
        }
        std::thread::sleep(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// A lock on the file against other processes, held until it is dropped.
#[cfg(feature = "sqlite")]
fn lock_file(database: &Path) -> Result<std::fs::File> {
    let mut name = database.as_os_str().to_owned();
    name.push("-migrate");
    let context = || format!("cannot lock {} to migrate", Path::new(&name).display());
    let file =
        private_files::options().create(true).truncate(true).open(&name).map_err(|error| Error::internal(context()).with_source(error))?;
    file.lock().map_err(|error| Error::internal(context()).with_source(error))?;
    Ok(file)
}
