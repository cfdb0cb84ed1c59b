//! Which migrations are applied: a table of the database.
//!
//! It is the one that Diesel's own command line keeps, with a column for the checksum of what was applied.

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use lback_core::Result;

use crate::Db;
use crate::connection::on_each;

/// A migration that is recorded as applied.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct Recorded {
    #[diesel(sql_type = Text)]
    pub(super) version: String,
    /// `None` for what was applied by a program that recorded none.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) checksum: Option<String>,
}

const WITH_CHECKSUMS: &str = "SELECT version, checksum FROM __diesel_schema_migrations";
const WITHOUT_CHECKSUMS: &str = "SELECT version, NULL AS checksum FROM __diesel_schema_migrations";

/// What is recorded.
pub(super) fn applied(db: &mut Db) -> Result<Vec<Recorded>> {
    // Nothing is made if the table exists: a program may run as a user who may make no tables.
    for query in [WITH_CHECKSUMS, WITHOUT_CHECKSUMS] {
        if let Ok(recorded) = diesel::sql_query(query).load(db) {
            return Ok(recorded);
        }
    }
    // Two that start together may both try to make it; the slower one finds it the second time.
    on_each!(db, connection => connection.setup().or_else(|_| connection.setup()))?;
    Ok(diesel::sql_query(WITHOUT_CHECKSUMS).load(db)?)
}

/// The table, for whoever may change it.
#[derive(Clone, Copy)]
pub(super) struct Record {
    has_checksums: bool,
}

impl Record {
    /// Adds the column for checksums if the table is of a program that had none. A user who may not change the table goes on
    /// without.
    pub(super) fn open(db: &mut Db) -> Result<Self> {
        applied(db)?;
        let has_checksums = diesel::sql_query(WITH_CHECKSUMS).load::<Recorded>(db).is_ok()
            || db
                .batch_execute("ALTER TABLE __diesel_schema_migrations ADD COLUMN checksum TEXT")
                .inspect_err(|error| {
                    tracing::warn!(target: "lback::db", %error, "no checksums of migrations are recorded: the column for them cannot be added");
                })
                .is_ok();
        Ok(Record { has_checksums })
    }

    /// Records a migration as applied.
    pub(super) fn add(self, db: &mut Db, version: &str, checksum: &str) -> QueryResult<()> {
        on_each!(db, connection => diesel::insert_into(recorded::table).values(recorded::version.eq(version)).execute(connection))?;
        self.set_checksum(db, version, checksum)
    }

    /// Records the checksum of a migration that is applied.
    pub(super) fn set_checksum(self, db: &mut Db, version: &str, checksum: &str) -> QueryResult<()> {
        if !self.has_checksums {
            return Ok(());
        }
        let row = recorded::table.find(version);
        on_each!(db, connection => diesel::update(row).set(recorded::checksum.eq(checksum)).execute(connection)).map(drop)
    }

    /// Records a migration as not applied any more.
    pub(super) fn remove(self, db: &mut Db, version: &str) -> QueryResult<()> {
        on_each!(db, connection => diesel::delete(recorded::table.find(version)).execute(connection)).map(drop)
    }
}

diesel::table! {
    #[sql_name = "__diesel_schema_migrations"]
    recorded (version) {
        version -> Text,
        checksum -> Nullable<Text>,
    }
}
