//! Counts in the table `rate_limits` of the application's database.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use lback_core::Result;
use lback_db::{Database, Db, on_each};

use super::shared::{Ask, Backend};
use crate::gcra::Verdict;

diesel::table! {
    /// Counts of requests.
    rate_limits (id) {
        /// A digest of the limit and of whom it counts.
        id -> Text,
        /// The time at which the whole burst is available again, in microseconds since 1970.
        full_at -> BigInt,
    }
}

/// Counts a request in one statement, so that no other one comes in between. Returns no row if the request is refused; then nothing is
/// written. The parameters are the id, the state after a first request, the interval and the latest state that is allowed.
const TAKE: &str = "INSERT INTO rate_limits (id, full_at) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET full_at = CASE
        WHEN rate_limits.full_at + $3 > excluded.full_at THEN rate_limits.full_at + $3 ELSE excluded.full_at
    END
    WHERE rate_limits.full_at + $3 <= $4
    RETURNING full_at";

/// The most requests that one transaction of SQLite counts.
const BATCH: usize = 64;
/// The connections to a server.
const CONNECTIONS: usize = 4;

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    full_at: i64,
}

/// A connection of its own: counts hold even if the request's transaction is rolled back.
pub(crate) struct InDatabase {
    database: Database,
    connection: Option<Db>,
}

impl InDatabase {
    /// Returns the backends for a database. SQLite has one writer at a time.
    pub(crate) fn all(database: &Database) -> Vec<Self> {
        let count = if database.kind().is_server() { CONNECTIONS } else { 1 };
        (0..count).map(|_| InDatabase { database: database.clone(), connection: None }).collect()
    }

    fn connect(&self) -> Result<Db> {
        let mut db = self.database.connect()?;
        if !self.database.kind().is_server() {
            // Counts that are lost in a power failure are not worth waiting for the disk.
            db.batch_execute("PRAGMA synchronous = NORMAL")?;
        }
        Ok(db)
    }
}

impl Backend for InDatabase {
    /// A transaction of several rows would hold their locks on a server, while other processes wait.
    fn most(&self) -> usize {
        if self.database.kind().is_server() { 1 } else { BATCH }
    }

    fn take(&mut self, asks: &[Ask]) -> Result<Vec<Verdict>> {
        let mut db = match self.connection.take() {
            Some(db) => db,
            None => self.connect()?,
        };
        let verdicts = match asks {
            [ask] => vec![take(&mut db, ask)?],
            asks => db.transaction(|db| asks.iter().map(|ask| take(db, ask)).collect::<QueryResult<Vec<_>>>())?,
        };
        self.database.committed(&mut db, 1);
        // After an error, the next request gets a new connection.
        self.connection = Some(db);
        Ok(verdicts)
    }
}

fn take(db: &mut Db, ask: &Ask) -> QueryResult<Verdict> {
    let Ask { id, rate, now } = ask;
    let (first, latest) = (now.saturating_add(rate.interval), rate.latest(*now));
    let counted: Option<Counted> = on_each!(db, db => {
        diesel::sql_query(TAKE)
            .bind::<Text, _>(id)
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(rate.interval)
            .bind::<BigInt, _>(latest)
            .get_result(db)
            .optional()
    })?;
    if let Some(Counted { full_at }) = counted {
        return Ok(Verdict { is_allowed: true, full_at });
    }
    let full_at = on_each!(db, db => rate_limits::table.find(id).select(rate_limits::full_at).first::<i64>(db).optional())?;
    Ok(Verdict { is_allowed: false, full_at: full_at.unwrap_or(latest) })
}

/// Deletes counts that say nothing any more.
pub(crate) fn delete_old(db: &mut Db, now: i64) -> Result<usize> {
    let old = rate_limits::table.filter(rate_limits::full_at.lt(now));
    Ok(on_each!(db, db => diesel::delete(old).execute(db))?)
}
