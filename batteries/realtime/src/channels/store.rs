//! The tables of channels, and their statements.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use lback_core::Result;
use lback_db::Db;

use super::hub::{Content, Incoming};
use super::log::MOST_BYTES;
use super::position::Arrived;

diesel::table! {
    /// Messages of channels.
    channel_messages (id) {
        /// The primary key.
        id -> BigInt,
        /// The name of the channel.
        channel -> Text,
        /// The name of the message.
        name -> Nullable<Text>,
        /// The data, as JSON.
        payload -> Text,
        /// The time when the message was broadcast.
        created_at -> Timestamp,
    }
}

diesel::table! {
    /// The members that a process has in a channel.
    channel_members (channel, member, process) {
        /// The process.
        process -> Text,
        /// The name of the channel.
        channel -> Text,
        /// The id of the member.
        member -> Text,
        /// The label of the member.
        label -> Text,
        /// The time when the member joined.
        joined_at -> Timestamp,
    }
}

diesel::table! {
    /// The processes that have members in channels.
    channel_processes (process) {
        /// The process.
        process -> Text,
        /// The time after which it is considered dead.
        lease_until -> Timestamp,
    }
}

lback_db::joinable_tables![channel_messages, channel_members, channel_processes];

/// The tables of [`MIGRATIONS`](crate::MIGRATIONS).
pub(crate) fn tables() -> lback_db::Tables {
    lback_db::tables![channel_messages, channel_members, channel_processes]
}

/// The topic of the notices. New messages send them with a trigger.
pub(super) const TOPIC: &str = "channels";

/// The number of rows of one statement.
pub(super) const ROWS: usize = 500;
/// The number of messages of a channel that are read at once.
const STEP: usize = 50;
/// The number of ids at the start of a process among which missing ones are looked for.
const LOOK_BACK: i64 = 1000;
/// The number of ids before those that may arrive later: their transactions are open, or they were deleted.
const MOST_BEFORE: i64 = 1000;

/// A message that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewMessage {
    pub(super) channel: String,
    pub(super) name: Option<String>,
    pub(super) json: String,
}

/// Stores messages.
pub(super) fn insert(db: &mut Db, messages: &[NewMessage]) -> Result<()> {
    let now = db.now().naive_utc();
    for messages in messages.chunks(200) {
        let row = |message: &NewMessage| {
            (
                channel_messages::channel.eq(message.channel.clone()),
                channel_messages::name.eq(message.name.clone()),
                channel_messages::payload.eq(message.json.clone()),
                channel_messages::created_at.eq(now),
            )
        };
        let rows: Vec<_> = messages.iter().map(row).collect();
        diesel::insert_into(channel_messages::table).values(rows).execute(db)?;
    }
    Ok(())
}

/// Returns the ids that are committed now.
pub(super) fn arrived(db: &mut Db) -> Result<Arrived> {
    // SQLite commits the ids in their order, so smaller ones cannot follow.
    let (look_back, before) = if db.kind().is_server() { (LOOK_BACK, MOST_BEFORE) } else { (1, 0) };
    let ids = channel_messages::table.order(channel_messages::id.desc()).limit(look_back).select(channel_messages::id);
    Ok(Arrived::begin(ids.load(db)?, before))
}

/// Returns the largest id.
pub(super) fn newest(db: &mut Db) -> Result<Option<i64>> {
    Ok(channel_messages::table.order(channel_messages::id.desc()).select(channel_messages::id).first(db).optional()?)
}

/// Returns the smallest id.
pub(super) fn oldest(db: &mut Db) -> Result<Option<i64>> {
    Ok(channel_messages::table.order(channel_messages::id).select(channel_messages::id).first(db).optional()?)
}

/// Returns the first messages after `last`, in the order of their ids, without their contents.
pub(super) fn after(db: &mut Db, last: i64) -> Result<Vec<(i64, String)>> {
    let rows = channel_messages::table.filter(channel_messages::id.gt(last)).order(channel_messages::id);
    Ok(rows.limit(i64::try_from(ROWS).unwrap_or(i64::MAX)).select((channel_messages::id, channel_messages::channel)).load(db)?)
}

/// Returns those of these messages that are there, without their contents.
pub(super) fn found(db: &mut Db, ids: &[i64]) -> Result<Vec<(i64, String)>> {
    let rows = channel_messages::table.filter(channel_messages::id.eq_any(ids)).order(channel_messages::id);
    Ok(rows.select((channel_messages::id, channel_messages::channel)).load(db)?)
}

/// Returns the names and the data of those of these messages that are there.
pub(super) fn contents(db: &mut Db, ids: &[i64]) -> Result<HashMap<i64, Content>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = channel_messages::table.filter(channel_messages::id.eq_any(ids));
    let rows: Vec<(i64, Option<String>, String)> =
        rows.select((channel_messages::id, channel_messages::name, channel_messages::payload)).load(db)?;
    Ok(rows.into_iter().map(|(id, name, json)| (id, Content::Read(name.map(Into::into), json.into()))).collect())
}

/// Returns the last messages of a channel, up to `limit` and to the memory that a channel may take, and the id from which on these are all.
pub(super) fn last(db: &mut Db, channel: &Arc<str>, limit: usize) -> Result<(Vec<Incoming>, i64)> {
    // Before the messages, so that one that is deleted in between is not considered as known.
    let oldest = oldest(db)?.unwrap_or(0);
    let (mut messages, mut before, mut bytes) = (Vec::new(), i64::MAX, 0);
    while messages.len() < limit && bytes < MOST_BYTES {
        let step = STEP.min(limit - messages.len());
        let rows = channel_messages::table.filter(channel_messages::channel.eq(&**channel)).filter(channel_messages::id.lt(before));
        let rows = rows.order(channel_messages::id.desc()).limit(i64::try_from(step).unwrap_or(i64::MAX));
        let rows: Vec<(i64, Option<String>, String)> =
            rows.select((channel_messages::id, channel_messages::name, channel_messages::payload)).load(db)?;
        let is_end = rows.len() < step;
        for (number, name, json) in rows {
            (before, bytes) = (number, bytes + json.len());
            messages.push(Incoming { number, channel: channel.clone(), content: Content::Read(name.map(Into::into), json.into()) });
        }
        if is_end {
            return Ok((messages, oldest));
        }
    }
    Ok((messages, before))
}

/// Deletes up to [`ROWS`] messages that are too old or too many, but never the last one, whose id is needed to check the
/// positions of clients. Returns whether there may be more.
pub(super) fn delete_old(db: &mut Db, now: DateTime<Utc>, keep: TimeDelta, most: i64) -> Result<bool> {
    let Some(newest) = newest(db)? else { return Ok(false) };
    let before = now.checked_sub_signed(keep).unwrap_or(now).naive_utc();
    let is_old = channel_messages::created_at.lt(before).or(channel_messages::id.le(newest.saturating_sub(most)));
    let first = channel_messages::table.filter(channel_messages::id.lt(newest)).order(channel_messages::id);
    let rows = first.limit(i64::try_from(ROWS).unwrap_or(i64::MAX)).for_update().skip_locked();
    let first: Vec<i64> = rows.select(channel_messages::id).load(db)?;
    let deleted = diesel::delete(channel_messages::table.filter(channel_messages::id.eq_any(first)).filter(is_old)).execute(db)?;
    Ok(deleted == ROWS)
}
