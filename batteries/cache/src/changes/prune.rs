//! Deletes old changes.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use lback_core::Result;
use lback_db::{Database, Db};

use super::recorder::insert;

/// Seconds for which a change is kept.
const KEPT_FOR: i64 = 600;
/// The most changes that are kept.
const MOST: i64 = 100_000;
/// Fewer old changes are left where they are, so that an idle database is not written to.
const FEW: i64 = 100;

#[derive(QueryableByName)]
struct Old {
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Deletes changes that are old, or too many, and leaves a note up to where that happened.
pub(crate) fn prune(database: &Database) -> Result<()> {
    let now = chrono::Utc::now().timestamp();
    let old = database.read(|db| Ok(find(db, now)?))?;
    match old {
        Some(before) => database.write(|db| {
            db.unrecorded(|db| {
                diesel::sql_query(format!("DELETE FROM cache_changes WHERE id < {before}")).execute(db)?;
                diesel::sql_query(insert(db, &format!("<{before}"))).execute(db)
            })?;
            Ok(())
        }),
        None => Ok(()),
    }
}

/// Returns the number before which changes are deleted.
fn find(db: &mut Db, now: i64) -> QueryResult<Option<i64>> {
    let old = format!("SELECT max(id) AS last, count(*) AS count FROM cache_changes WHERE created_at < {}", now - KEPT_FOR);
    let many = format!(
        "SELECT (SELECT id FROM cache_changes ORDER BY id DESC LIMIT 1 OFFSET {MOST}) AS last, count(*) AS count FROM cache_changes"
    );
    let mut last = None;
    for (sql, few) in [(old, FEW), (many, MOST + FEW)] {
        let found: Old = db.unrecorded(|db| diesel::sql_query(sql).get_result(db))?;
        last = last.max(found.last.filter(|_| found.count >= few));
    }
    let Some(last) = last else { return Ok(None) };
    if !db.kind().is_server() {
        return Ok(Some(last + 1));
    }
    // A transaction with a smaller number may still be open.
    let open: Old = db.unrecorded(|db| {
        diesel::sql_query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS last, 0::bigint AS count").get_result(db)
    })?;
    Ok(open.last.map(|open| open.min(last + 1)))
}
