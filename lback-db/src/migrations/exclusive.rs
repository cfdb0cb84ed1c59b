//! A connection for migrating that no other process has at the same time.

#[cfg(feature = "sqlite")]
use std::path::Path;

use diesel::connection::SimpleConnection;
use lback_core::{Error, Result};

use crate::manager::Purpose;
use crate::{Database, Db};

/// A connection of its own, while nobody else migrates this database. The lock ends with it.
pub(super) struct Exclusive {
    pub(super) db: Db,
    #[cfg(feature = "sqlite")]
    _lock: Option<std::fs::File>,
}

/// The name of the lock on a PostgreSQL database: "lback" in ASCII.
#[cfg(feature = "postgres")]
const ADVISORY_LOCK: i64 = 0x6c_62_61_63_6b;

impl Exclusive {
    /// Waits until nobody else migrates.
    pub(super) fn open(database: &Database) -> Result<Self> {
        #[cfg(feature = "sqlite")]
        let lock = database.path().map(|path| lock_file(&path)).transpose()?;
        let mut db = database.open_for(Purpose::Migrate)?;
        match &mut db {
            // Rebuilding a table (the way to change one in SQLite: make the new one, copy, drop the old one) would delete
            // the rows that refer to it, were the references enforced meanwhile. So they are checked afterwards instead.
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => connection.batch_execute("PRAGMA foreign_keys = OFF")?,
            #[cfg(feature = "postgres")]
            Db::Postgres(connection) => connection
                .batch_execute(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})"))
                .map_err(|error| Error::internal("cannot lock the database to migrate").with_source(error))?,
        }
        Ok(Exclusive {
            db,
            #[cfg(feature = "sqlite")]
            _lock: lock,
        })
    }

    /// After migrations of SQLite: does every reference still lead somewhere?
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "PostgreSQL checks itself"))]
    pub(super) fn check_references(&mut self, done: &[String]) -> Result<()> {
        match &mut self.db {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(connection) => check_references(connection, done),
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => Ok(()),
        }
    }
}

/// Keeps two processes from migrating the same file at once, until it is dropped.
#[cfg(feature = "sqlite")]
fn lock_file(database: &Path) -> Result<std::fs::File> {
    let mut name = database.as_os_str().to_owned();
    name.push("-migrate");
    let context = || format!("cannot lock {} to migrate", Path::new(&name).display());
    let file = std::fs::File::create(&name).map_err(|error| Error::internal(context()).with_source(error))?;
    file.lock().map_err(|error| Error::internal(context()).with_source(error))?;
    Ok(file)
}

#[cfg(feature = "sqlite")]
#[derive(diesel::QueryableByName)]
struct Broken {
    #[diesel(sql_type = diesel::sql_types::Text)]
    table: String,
}

#[cfg(feature = "sqlite")]
fn check_references(connection: &mut diesel::SqliteConnection, done: &[String]) -> Result<()> {
    use diesel::RunQueryDsl;

    let broken: Vec<Broken> = diesel::sql_query("PRAGMA foreign_key_check").load(connection)?;
    match (broken.first(), done.last()) {
        (Some(row), Some(name)) => Err(Error::internal(format!(
            "after the migration {name}, {} rows refer to rows that are not there, the first of them in the table {}. The migration is \
             recorded as done; mend the rows, or restore the database from a backup",
            broken.len(),
            row.table
        ))),
        _ => Ok(()),
    }
}
