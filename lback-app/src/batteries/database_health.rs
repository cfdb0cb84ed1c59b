//! The health checks of the database.

use std::time::{Duration, Instant};

use lback_core::{Application, Result};
use lback_db::diesel::prelude::*;
use lback_db::diesel::sql_types::{BigInt, Text};
use lback_db::diesel::{dsl, select};
use lback_db::{Database, Kind, Migrations};

use crate::health::bytes;
use crate::{Health, Setup};

/// The response time above which a database needs attention.
const SLOW: Duration = Duration::from_millis(100);

pub(super) fn install(setup: &mut Setup, database: &Database) {
    let (size, ping, pool) = (database.clone(), database.clone(), database.clone());
    setup.health_check("Database", move |_| version_and_size(&size));
    setup.health_check("Database response time", move |_| answer(&ping));
    setup.health_check("Connections", move |_| {
        let stats = pool.pool_stats();
        Ok(Health::ok_if(stats.in_use < stats.max, format!("{stats}, {} idle", stats.idle)))
    });
    setup.health_check("Migrations", pending);
    #[cfg(unix)]
    if let Some(path) = database.path() {
        setup.health_check("Disk space", move |_| disk(&path));
    }
}

fn version_and_size(database: &Database) -> Result<Health> {
    let (version, size) = match database.kind() {
        #[cfg(feature = "postgres")]
        Kind::Postgres => ("current_setting('server_version')", "pg_database_size(current_database())"),
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => ("sqlite_version()", "(SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size())"),
    };
    let columns = (dsl::sql::<Text>(version), dsl::sql::<BigInt>(size));
    let (version, size): (String, i64) = database.read(|db| Ok(select(columns).get_result(db)?))?;
    Ok(Health::ok(format!("{} {version}, {}", database.kind().name(), bytes(size.unsigned_abs()))))
}

/// Measures the time of a query, including the wait for a connection.
fn answer(database: &Database) -> Result<Health> {
    let begin = Instant::now();
    database.read(|db| Ok(select(dsl::sql::<BigInt>("CAST(1 AS BIGINT)")).get_result::<i64>(db)?))?;
    let time = begin.elapsed();
    Ok(Health::ok_if(time < SLOW, format!("{:.1} ms", time.as_secs_f64() * 1000.0)))
}

fn pending(app: &Application) -> Result<Health> {
    let (Some(migrations), Some(database)) = (app.state::<Migrations>(), app.state::<Database>()) else {
        return Ok(Health::ok("none"));
    };
    let pending = migrations.pending(database)?;
    Ok(match pending.len() {
        0 => Health::ok("all are applied"),
        count => Health::warning(format!("{count} are pending: {}", pending.join(", "))),
    })
}

/// Returns the free space of the disk that contains the database.
#[cfg(unix)]
fn disk(path: &std::path::Path) -> Result<Health> {
    let space = rustix::fs::statvfs(path)?;
    let (free, all) = (space.f_bavail.saturating_mul(space.f_frsize), space.f_blocks.saturating_mul(space.f_frsize));
    Ok(Health::ok_if(free > all / 20, format!("{} of {} free", bytes(free), bytes(all))))
}
