//! How a session is written in Redis: its creation, version, user, expiry, last change, the form of what follows, and its data as
//! JSON, with spaces between; then its meta as JSON, unless that is empty. Times are microseconds since 1970.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::Result;

use crate::store::{Record, UNREADABLE};
use crate::{SessionId, SessionMeta};

/// Without it data follow in which an earlier version kept the meta, too.
const FORM: &[u8] = b"2 ";

/// A session as it is stored, with its data as JSON.
pub(super) fn text(record: &Record, json: &str) -> Result<String> {
    let mut text = head(record);
    text.push_str("2 ");
    text.push_str(json);
    if let Some(meta) = record.meta.json()? {
        text.push_str(&meta);
    }
    Ok(text)
}

/// What stands before its data. Two states of a session never share it: each save makes another version, each renewal
/// another expiry.
pub(super) fn head(record: &Record) -> String {
    let (created, expires, updated) = (micros(record.created_at), micros(record.expires_at), micros(record.updated_at));
    format!("{created} {} {} {expires} {updated} ", record.version, user(record.user_id))
}

/// The session that was stored so; `None` if it cannot be read.
pub(super) fn record(id: SessionId, stored: &[u8]) -> Option<Record> {
    let mut fields = stored.splitn(6, |byte| *byte == b' ');
    let mut next = || fields.next();
    let (created_at, version, user_id, expires_at, updated_at) =
        (time(next()?)?, parse(next()?)?, parse(next()?), time(next()?)?, time(next()?)?);
    let stored = next()?;
    let is_old = !stored.starts_with(FORM);
    let Ok((data, meta)) = SessionMeta::read_behind(stored.strip_prefix(FORM).unwrap_or(stored), is_old) else {
        tracing::warn!(target: "lback::session", %id, "{UNREADABLE}");
        return None;
    };
    Some(Record { id, user_id, data: Arc::new(data), meta, version, expires_at, created_at, updated_at })
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
