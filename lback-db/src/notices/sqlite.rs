//! SQLite's number of the data, which changes when another connection commits.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use lback_core::Result;

use super::thread::Arrived;

/// The interval at which the file is checked.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct File {
    version: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    data_version: i64,
}

impl File {
    pub(super) fn new(connection: &mut SqliteConnection) -> Result<Self> {
        Ok(File { version: version(connection)? })
    }

    pub(super) fn arrived(&mut self, connection: &mut SqliteConnection) -> Result<Arrived> {
        let version = version(connection)?;
        let is_changed = std::mem::replace(&mut self.version, version) != version;
        Ok(if is_changed { Arrived::Change } else { Arrived::Nothing })
    }
}

fn version(connection: &mut SqliteConnection) -> QueryResult<i64> {
    diesel::sql_query("PRAGMA data_version").get_result::<Version>(connection).map(|row| row.data_version)
}
