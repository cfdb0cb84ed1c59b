//! The table that records applied migrations.
//!
//! It is the table of Diesel's own command line, with a column for the checksum of the applied SQL. Migrations of batteries are
//! recorded under the name of the battery and their version, such as `sessions:00000000000001`.

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use lback_core::Result;

use super::migration::Migration;
use crate::Db;
use crate::on_each;

/// A migration that is recorded as applied.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct Recorded {
    #[diesel(sql_type = Text, column_name = version)]
    pub(super) key: String,
    /// `None` if it was applied by a program that did not record checksums.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) checksum: Option<String>,
}

const WITH_CHECKSUMS: &str = "SELECT version, checksum FROM __diesel_schema_migrations";
const WITHOUT_CHECKSUMS: &str = "SELECT version, NULL AS checksum FROM __diesel_schema_migrations";

/// The batteries of migrations that were recorded by their version alone, in earlier versions.
const NAMELESS: [(&str, &str); 3] = [("00000000000001", "sessions"), ("00000000000010", "mail"), ("00000000000020", "auth")];

/// Returns today's key of a migration that an earlier version has recorded by its version alone.
fn todays_key(recorded: &str, known: &[Migration]) -> Option<String> {
    let (version, battery) = NAMELESS.into_iter().find(|(version, _)| *version == recorded)?;
    let is_own = known.iter().any(|migration| migration.battery.is_none() && migration.version == version);
    let of_battery = known.iter().find(|migration| migration.battery == Some(battery) && migration.version == version)?;
    (!is_own).then(|| of_battery.key())
}

/// Returns the recorded migrations.
pub(super) fn applied(db: &mut Db, known: &[Migration]) -> Result<Vec<Recorded>> {
    let mut recorded = read(db)?;
    for one in &mut recorded {
        if let Some(key) = todays_key(&one.key, known) {
            one.key = key;
        }
    }
    Ok(recorded)
}

fn read(db: &mut Db) -> Result<Vec<Recorded>> {
    // An existing table is left alone: the program may run as a database user who cannot create tables.
    for query in [WITH_CHECKSUMS, WITHOUT_CHECKSUMS] {
        if let Ok(recorded) = diesel::sql_query(query).load(db) {
            return Ok(recorded);
        }
    }
    // Two processes that start together may both try to create it; the slower one finds it at the second attempt.
    on_each!(db, connection => connection.setup().or_else(|_| connection.setup()))?;
    Ok(diesel::sql_query(WITHOUT_CHECKSUMS).load(db)?)
}

/// The table, for writing.
#[derive(Clone, Copy)]
pub(super) struct Record {
    has_checksums: bool,
}

impl Record {
    /// Brings a table of an earlier version up to date: adds the column for checksums, and the names of batteries. If the database
    /// user may not change the table, checksums are not recorded.
    pub(super) fn open(db: &mut Db, known: &[Migration]) -> Result<Self> {
        for Recorded { key, .. } in read(db)? {
            if let Some(todays) = todays_key(&key, known) {
                let row = recorded::table.find(&key);
                on_each!(db, connection => diesel::update(row).set(recorded::version.eq(&todays)).execute(connection))?;
            }
        }
        let has_checksums = diesel::sql_query(WITH_CHECKSUMS).load::<Recorded>(db).is_ok()
            || db
                .batch_execute("ALTER TABLE __diesel_schema_migrations ADD COLUMN checksum TEXT")
                .inspect_err(|error| {
                    tracing::warn!(target: "lback::db", %error, "checksums of migrations are not recorded: the column for them cannot be added");
                })
                .is_ok();
        Ok(Record { has_checksums })
    }

    /// Records that a migration is applied.
    pub(super) fn add(self, db: &mut Db, key: &str, checksum: &str) -> QueryResult<()> {
        on_each!(db, connection => diesel::insert_into(recorded::table).values(recorded::version.eq(key)).execute(connection))?;
        self.set_checksum(db, key, checksum)
    }

    /// Records the checksum of an applied migration.
    pub(super) fn set_checksum(self, db: &mut Db, key: &str, checksum: &str) -> QueryResult<()> {
        if !self.has_checksums {
            return Ok(());
        }
        let row = recorded::table.find(key);
        on_each!(db, connection => diesel::update(row).set(recorded::checksum.eq(checksum)).execute(connection)).map(drop)
    }

    /// Removes the record of a migration.
    pub(super) fn remove(self, db: &mut Db, key: &str) -> QueryResult<()> {
        on_each!(db, connection => diesel::delete(recorded::table.find(key)).execute(connection)).map(drop)
    }
}

diesel::table! {
    #[sql_name = "__diesel_schema_migrations"]
    recorded (version) {
        version -> Text,
        checksum -> Nullable<Text>,
    }
}
