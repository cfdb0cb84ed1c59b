//! A database for each test.

#[cfg(feature = "sqlite")]
use std::collections::HashMap;
use std::path::Path;
#[cfg(feature = "sqlite")]
use std::sync::{LazyLock, Mutex, PoisonError};

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
use lback_core::Error;
use lback_core::{Result, Secret};
use lback_db::{Database, DbSettings, Migrations};
use tempfile::TempDir;

/// The database of a test, which is removed with the last client that uses it.
pub(super) struct TestDatabase {
    pub(super) url: Secret,
    #[cfg(feature = "postgres")]
    _database: Option<lback_db::TemporaryDatabase>,
    _folder: TempDir,
}

impl TestDatabase {
    /// Creates a database with `migrations` applied: on the PostgreSQL server that the settings name, or else in a SQLite
    /// file.
    pub(super) fn prepare(settings: &DbSettings, migrations: &Migrations) -> Result<Self> {
        let folder = TempDir::with_prefix("lback-test-")?;
        if settings.database_url.expose().starts_with("postgres") {
            return in_postgres(settings, migrations, folder);
        }
        in_sqlite(migrations, folder)
    }
}

#[cfg(feature = "postgres")]
fn in_postgres(settings: &DbSettings, migrations: &Migrations, folder: TempDir) -> Result<TestDatabase> {
    let database = lback_db::TemporaryDatabase::beside(settings)?;
    let url = database.as_ref().map_or_else(|| settings.database_url.clone(), |database| database.url().clone());
    migrations.apply(&open(&url, folder.path())?)?;
    Ok(TestDatabase { url, _database: database, _folder: folder })
}

/// Returns an error that names the missing feature.
#[cfg(not(feature = "postgres"))]
fn in_postgres(settings: &DbSettings, _: &Migrations, folder: TempDir) -> Result<TestDatabase> {
    open(&settings.database_url, folder.path()).and_then(|_| Err(Error::internal("this program was built without PostgreSQL")))
}

/// The contents of migrated database files, by the names of the applied migrations.
#[cfg(feature = "sqlite")]
static MIGRATED: LazyLock<Mutex<HashMap<Vec<String>, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// Creates a database file. The migrations are applied once per process; later files are copies of the result.
#[cfg(feature = "sqlite")]
fn in_sqlite(migrations: &Migrations, folder: TempDir) -> Result<TestDatabase> {
    use lback_db::diesel::connection::SimpleConnection;

    let path = folder.path().join("db.sqlite");
    let url = Secret::new(format!("sqlite:{}", path.display()));
    let names = migrations.names(lback_db::Kind::Sqlite)?;
    let mut migrated = MIGRATED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = migrated.get(&names) {
        std::fs::write(path, bytes)?;
    } else {
        let database = open(&url, folder.path())?;
        migrations.apply(&database)?;
        database.connect()?.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
        migrated.insert(names, std::fs::read(path)?);
    }
    Ok(TestDatabase {
        url,
        #[cfg(feature = "postgres")]
        _database: None,
        _folder: folder,
    })
}

#[cfg(not(feature = "sqlite"))]
fn in_sqlite(_: &Migrations, _: TempDir) -> Result<TestDatabase> {
    Err(Error::internal(
        "this program was built without SQLite, so its tests need a PostgreSQL server: DATABASE_URL = \"postgres://user:password@localhost/database\", \
         with a user that may create databases (ALTER USER … CREATEDB)",
    ))
}

fn open(url: &Secret, root: &Path) -> Result<Database> {
    Database::open(&DbSettings { database_url: url.clone(), ..DbSettings::default() }, root)
}
