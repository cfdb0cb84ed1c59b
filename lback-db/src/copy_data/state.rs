//! What has been copied, in a table of the target: so that an interrupted copy can resume.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use lback_core::{Error, Result};

use super::STATE;
use super::cell::text_literal;
use crate::Db;

/// How far the rows of a table are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, QueryableByName)]
pub(super) struct Progress {
    #[diesel(sql_type = Text)]
    pub(super) table_name: String,
    /// The key of the last row, in SQL of the source.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) last_key: Option<String>,
    /// The number of rows.
    #[diesel(sql_type = BigInt)]
    pub(super) copied: i64,
    #[diesel(sql_type = Bool)]
    pub(super) is_done: bool,
}

/// The name of the row that says which database is copied. No table has it.
const SOURCE: &str = "";

/// Creates the table for a copy of `source`.
pub(super) fn create(db: &mut Db, source: &str) -> QueryResult<()> {
    db.batch_execute(&format!(
        "CREATE TABLE {STATE} (table_name TEXT NOT NULL PRIMARY KEY, last_key TEXT, copied BIGINT NOT NULL, is_done BOOLEAN NOT NULL)"
    ))?;
    save(db, SOURCE, &Progress { last_key: Some(source.to_owned()), ..Progress::default() })
}

/// Returns whether a copy of `source` was begun.
///
/// # Errors
/// Returns an error if a copy of another database was begun.
pub(super) fn is_begun(db: &mut Db, source: &str) -> Result<bool> {
    let exists = match db.kind().is_server() {
        true => format!("SELECT to_regclass('{STATE}') IS NOT NULL AS found"),
        false => format!("SELECT count(*) > 0 AS found FROM sqlite_master WHERE name = '{STATE}'"),
    };
    if !diesel::sql_query(exists).get_result::<Found>(db)?.found {
        return Ok(false);
    }
    match load(db, SOURCE)?.last_key {
        Some(begun) if begun != source => Err(Error::bad_request(format!(
            "a copy of {begun} into this database was begun and not finished. Finish it, or add --replace, which deletes its rows"
        ))),
        _ => Ok(true),
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Returns how far a table is copied.
pub(super) fn load(db: &mut Db, table: &str) -> QueryResult<Progress> {
    let sql = format!("SELECT table_name, last_key, copied, is_done FROM {STATE} WHERE table_name = {}", text_literal(table));
    Ok(diesel::sql_query(sql).get_result(db).optional()?.unwrap_or_default())
}

/// Records how far a table is copied, in the transaction of its rows.
pub(super) fn save(db: &mut Db, table: &str, progress: &Progress) -> QueryResult<()> {
    let key = progress.last_key.as_deref().map_or("NULL".to_owned(), text_literal);
    db.batch_execute(&format!(
        "INSERT INTO {STATE} (table_name, last_key, copied, is_done) VALUES ({}, {key}, {}, {})
         ON CONFLICT (table_name) DO UPDATE SET last_key = excluded.last_key, copied = excluded.copied, is_done = excluded.is_done",
        text_literal(table),
        progress.copied,
        progress.is_done
    ))
}

/// Drops the table, when everything is copied.
pub(super) fn remove(db: &mut Db) -> QueryResult<()> {
    db.batch_execute(&format!("DROP TABLE IF EXISTS {STATE}"))
}
