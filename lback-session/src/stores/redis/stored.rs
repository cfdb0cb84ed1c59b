//! How a session is written in Redis: its creation, version, user, expiry, last change, and its data as JSON, with spaces
//! between. Times are microseconds since 1970.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::SessionId;
use crate::store::Record;

/// A session as it is stored, with its data as JSON.
pub(super) fn text(record: &Record, json: &str) -> String {
    let mut text = head(record);
    text.push_str(json);
    text
}

/// What stands before its data. Two states of a session never share it: each save makes another version, each renewal
/// another expiry.
pub(super) fn head(record: &Record) -> String {
    let (created, expires, updated) = (micros(record.created_at), micros(record.expires_at), micros(record.updated_at));
    format!("{created} {} {} {expires} {updated} ", record.version, user(record.user_id))
}

/// The session that was stored so; `None` where it is not one.
pub(super) fn record(id: SessionId, stored: &[u8]) -> Option<Record> {
    let mut fields = stored.splitn(6, |byte| *byte == b' ');
    let mut next = || fields.next();
    let (created_at, version, user_id, expires_at, updated_at) =
        (time(next()?)?, parse(next()?)?, parse(next()?), time(next()?)?, time(next()?)?);
    let Ok(data) = serde_json::from_slice(next()?) else {
        tracing::warn!(target: "lback::session", %id, "the data of a session are not a JSON object; its visitor gets a new one");
        return None;
    };
    Some(Record { id, user_id, data, version, expires_at, created_at, updated_at })
}

pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

pub(super) fn time(field: &[u8]) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(parse(field)?)
}

pub(super) fn user(id: Option<i64>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

fn parse<T: FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}
