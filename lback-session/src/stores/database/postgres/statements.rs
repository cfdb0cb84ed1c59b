//! Statements on many rows of the table `sessions` at once. Each takes arrays, so that one text, prepared once, fits any number of
//! rows. All of them process the rows in the order of their ids.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
#[cfg(feature = "sqlite")]
use lback_core::Error;
use lback_core::Result;
use lback_db::Db;

use crate::SessionId;
use crate::store::{RENEWAL, Record, Update};
use crate::stores::database::rows::{Row, columns, hour, json, micros, record, sessions};

type Ids = Vec<Vec<u8>>;

/// A statement with arrays for binds: its text, with a `?` for each.
macro_rules! statement {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty => $sql_type:ty,)* } $text:literal) => {
        $(#[$meta])*
        #[derive(Default, QueryId)]
        struct $name { $($field: $type,)* }

        impl QueryFragment<Pg> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                let mut text = $text.split('?');
                out.push_sql(text.next().unwrap_or_default());
                $(
                    out.push_bind_param::<Array<$sql_type>, _>(&self.$field)?;
                    out.push_sql(text.next().unwrap_or_default());
                )*
                Ok(())
            }
        }

        impl Query for $name {
            type SqlType = Binary;
        }

        impl RunQueryDsl<PgConnection> for $name {}
    };
}

statement! {
    Insert {
        ids: Ids => Binary,
        user_ids: Vec<Option<i64>> => Nullable<BigInt>,
        data: Vec<String> => Text,
        meta: Vec<Option<String>> => Nullable<Text>,
        versions: Vec<i64> => BigInt,
        expires_at: Vec<i64> => BigInt,
        expiry_hours: Vec<i64> => BigInt,
        created_at: Vec<i64> => BigInt,
        updated_at: Vec<i64> => BigInt,
    }
    "INSERT INTO sessions (id, user_id, data, meta, version, expires_at, expiry_hour, created_at, updated_at)
     SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?)"
}

statement! {
    Replace {
        ids: Ids => Binary,
        versions: Vec<i64> => BigInt,
        alive_at: Vec<i64> => BigInt,
        new_ids: Ids => Binary,
        user_ids: Vec<Option<i64>> => Nullable<BigInt>,
        data: Vec<String> => Text,
        meta: Vec<Option<String>> => Nullable<Text>,
        new_versions: Vec<i64> => BigInt,
        expires_at: Vec<i64> => BigInt,
        expiry_hours: Vec<i64> => BigInt,
        updated_at: Vec<i64> => BigInt,
    }
    "UPDATE sessions AS s SET id = n.new_id, user_id = n.user_id, data = n.data, meta = n.meta, version = n.new_version,
         expires_at = n.expires_at, expiry_hour = n.expiry_hour, updated_at = n.updated_at
     FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         AS n (id, version, alive_at, new_id, user_id, data, meta, new_version, expires_at, expiry_hour, updated_at)
     WHERE s.id = n.id AND s.version = n.version AND s.expires_at > n.alive_at
     RETURNING n.id"
}

statement! {
    /// As [`Replace`], for sessions that keep their ids.
    ReplaceInPlace {
        ids: Ids => Binary,
        versions: Vec<i64> => BigInt,
        user_ids: Vec<Option<i64>> => Nullable<BigInt>,
        data: Vec<String> => Text,
        meta: Vec<Option<String>> => Nullable<Text>,
        expires_at: Vec<i64> => BigInt,
        expiry_hours: Vec<i64> => BigInt,
        now: Vec<i64> => BigInt,
    }
    "UPDATE sessions AS s SET user_id = n.user_id, data = n.data, meta = n.meta, version = n.version + 1,
         expires_at = n.expires_at, expiry_hour = n.expiry_hour, updated_at = n.now
     FROM unnest(?, ?, ?, ?, ?, ?, ?, ?) AS n (id, version, user_id, data, meta, expires_at, expiry_hour, now)
     WHERE s.id = n.id AND s.version = n.version AND s.expires_at > n.now
     RETURNING n.id"
}

statement! {
    Renew {
        ids: Ids => Binary,
        alive_at: Vec<i64> => BigInt,
        due_before: Vec<i64> => BigInt,
        expires_at: Vec<i64> => BigInt,
        expiry_hours: Vec<i64> => BigInt,
    }
    "UPDATE sessions AS s SET expires_at = n.expires_at, expiry_hour = n.expiry_hour, updated_at = n.now
     FROM unnest(?, ?, ?, ?, ?) AS n (id, now, due_before, expires_at, expiry_hour)
     WHERE s.id = n.id AND s.expires_at > n.now AND s.expires_at <= n.due_before
     RETURNING n.id"
}

statement! {
    /// Selects the sessions that exist and have not expired.
    Live { ids: Ids => Binary, alive_at: Vec<i64> => BigInt, }
    "SELECT s.id FROM unnest(?, ?) AS n (id, now) JOIN sessions AS s ON s.id = n.id WHERE s.expires_at > n.now"
}

statement! {
    Delete { ids: Ids => Binary, }
    "DELETE FROM sessions AS s USING unnest(?) AS n (id) WHERE s.id = n.id RETURNING s.id"
}

statement! {
    NoteEnds { ids: Ids => Binary, ended_at: Vec<i64> => BigInt, }
    "INSERT INTO __lback_session_ends (id, ended_at) SELECT * FROM unnest(?, ?)"
}

/// A session that was ended.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    pub(super) id: SessionId,
    pub(super) at: DateTime<Utc>,
}

/// A renewal of one session.
#[derive(Clone, Copy)]
pub(super) struct Renewal {
    pub(super) id: SessionId,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
}

/// The new state of a session, if the store still has this version of it and it has not expired at this time.
#[derive(Clone)]
pub(super) struct Change<'a> {
    pub(super) id: SessionId,
    pub(super) version: i64,
    pub(super) alive_at: DateTime<Utc>,
    pub(super) new_id: SessionId,
    pub(super) user_id: Option<i64>,
    pub(super) json: Cow<'a, str>,
    pub(super) meta: Option<String>,
    pub(super) new_version: i64,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl<'a> Change<'a> {
    pub(super) fn of(update: &'a Update) -> Result<Self> {
        Ok(Change {
            id: update.id,
            version: update.version,
            alive_at: update.now,
            new_id: update.new_id,
            user_id: update.user_id,
            json: Cow::Borrowed(&update.json),
            meta: update.meta.json()?,
            new_version: update.version + 1,
            expires_at: update.expires_at,
            updated_at: update.now,
        })
    }
}

/// Returns the sessions of these ids, expired or not.
pub(super) fn load(db: &mut Db, ids: &[SessionId]) -> Result<HashMap<SessionId, Record>> {
    let bytes: Ids = ids.iter().map(bytes).collect();
    let found = sessions::table.filter(sessions::id.eq_any(bytes)).select((sessions::id, columns!()));
    Ok(records(found.load(postgres(db)?)?))
}

/// Returns the sessions of these ids, expired or not, and locks them until the transaction ends.
pub(super) fn lock(db: &mut Db, ids: impl Iterator<Item = SessionId>) -> Result<HashMap<SessionId, Record>> {
    let bytes: Ids = ids.map(|id| bytes(&id)).collect();
    let found = sessions::table.filter(sessions::id.eq_any(bytes)).order(sessions::id).select((sessions::id, columns!()));
    Ok(records(found.for_update().load(postgres(db)?)?))
}

/// Stores new sessions.
pub(super) fn insert<'a>(db: &mut Db, records: impl Iterator<Item = &'a Record>) -> Result<()> {
    let mut rows = Insert::default();
    for record in records {
        rows.ids.push(bytes(&record.id));
        rows.user_ids.push(record.user_id);
        rows.data.push(json(&record.data)?);
        rows.meta.push(record.meta.json()?);
        rows.versions.push(record.version);
        rows.expires_at.push(micros(record.expires_at));
        rows.expiry_hours.push(hour(record.expires_at));
        rows.created_at.push(micros(record.created_at));
        rows.updated_at.push(micros(record.updated_at));
    }
    if !rows.ids.is_empty() {
        rows.execute(postgres(db)?)?;
    }
    Ok(())
}

/// Changes sessions, each of them once. Returns those that were in the expected version.
pub(super) fn change<'a>(db: &mut Db, changes: impl Iterator<Item = Change<'a>>) -> Result<HashSet<SessionId>> {
    let mut changes: Vec<Change<'_>> = changes.collect();
    changes.sort_unstable_by_key(|change| change.id);
    let mut rows = Replace::default();
    for change in changes {
        rows.ids.push(bytes(&change.id));
        rows.versions.push(change.version);
        rows.alive_at.push(micros(change.alive_at));
        rows.new_ids.push(bytes(&change.new_id));
        rows.user_ids.push(change.user_id);
        rows.data.push(change.json.into_owned());
        rows.meta.push(change.meta);
        rows.new_versions.push(change.new_version);
        rows.expires_at.push(micros(change.expires_at));
        rows.expiry_hours.push(hour(change.expires_at));
        rows.updated_at.push(micros(change.updated_at));
    }
    if rows.ids.is_empty() { Ok(HashSet::new()) } else { Ok(ids(rows.load(postgres(db)?)?)) }
}

/// Changes sessions that keep their ids, each of them once. Returns those that were in the expected version.
pub(super) fn change_in_place(db: &mut Db, mut updates: Vec<Update>) -> Result<HashSet<SessionId>> {
    updates.sort_unstable_by_key(|update| update.id);
    let mut rows = ReplaceInPlace::default();
    for update in updates {
        rows.ids.push(bytes(&update.id));
        rows.versions.push(update.version);
        rows.user_ids.push(update.user_id);
        rows.data.push(update.json);
        rows.meta.push(update.meta.json()?);
        rows.expires_at.push(micros(update.expires_at));
        rows.expiry_hours.push(hour(update.expires_at));
        rows.now.push(micros(update.now));
    }
    if rows.ids.is_empty() { Ok(HashSet::new()) } else { Ok(ids(rows.load(postgres(db)?)?)) }
}

/// Moves expiries forward, once for each session. Returns the sessions that exist, whether renewed now or before.
pub(super) fn renew(db: &mut Db, renewals: impl Iterator<Item = Renewal>) -> Result<HashSet<SessionId>> {
    let mut renewals: Vec<Renewal> = renewals.collect();
    if renewals.is_empty() {
        return Ok(HashSet::new());
    }
    renewals.sort_unstable_by_key(|renewal| renewal.id);
    let mut rows = Renew::default();
    for renewal in &renewals {
        rows.ids.push(bytes(&renewal.id));
        rows.alive_at.push(micros(renewal.now));
        rows.due_before.push(micros(renewal.expires_at - RENEWAL));
        rows.expires_at.push(micros(renewal.expires_at));
        rows.expiry_hours.push(hour(renewal.expires_at));
    }
    let mut there = ids(rows.load(postgres(db)?)?);
    let mut others = Live::default();
    for renewal in renewals.iter().filter(|renewal| !there.contains(&renewal.id)) {
        others.ids.push(bytes(&renewal.id));
        others.alive_at.push(micros(renewal.now));
    }
    if !others.ids.is_empty() {
        there.extend(ids(others.load(postgres(db)?)?));
    }
    Ok(there)
}

/// Deletes sessions. Returns those that existed.
pub(super) fn delete(db: &mut Db, doomed: impl Iterator<Item = SessionId>) -> Result<HashSet<SessionId>> {
    let mut rows = Delete { ids: doomed.map(|id| bytes(&id)).collect() };
    rows.ids.sort_unstable();
    if rows.ids.is_empty() { Ok(HashSet::new()) } else { Ok(ids(rows.load(postgres(db)?)?)) }
}

/// Records that sessions were ended.
pub(super) fn note_ends(db: &mut Db, ended: &[Ended]) -> Result<()> {
    let rows =
        NoteEnds { ids: ended.iter().map(|end| bytes(&end.id)).collect(), ended_at: ended.iter().map(|end| micros(end.at)).collect() };
    if !ended.is_empty() {
        rows.execute(postgres(db)?)?;
    }
    Ok(())
}

fn postgres(db: &mut Db) -> Result<&mut PgConnection> {
    match db {
        Db::Postgres(connection) => Ok(connection.diesel_unrecorded()?),
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => Err(Error::internal("this is not a connection to PostgreSQL")),
    }
}

fn bytes(id: &SessionId) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn ids(rows: Vec<Vec<u8>>) -> HashSet<SessionId> {
    rows.iter().filter_map(|id| SessionId::from_slice(id)).collect()
}

fn records(rows: Vec<(Vec<u8>, Row)>) -> HashMap<SessionId, Record> {
    let found = rows.into_iter().filter_map(|(id, row)| record(SessionId::from_slice(&id)?, row));
    found.map(|record| (record.id, record)).collect()
}
