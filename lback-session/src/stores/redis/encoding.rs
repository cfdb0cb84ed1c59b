//! The format of a session in Redis: creation, version, user, expiry, last change, the format of the rest, and the data as JSON,
//! separated by spaces; then the metadata as JSON, unless they are empty. Times are microseconds since 1970.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::Result;

use crate::store::{Record, UNREADABLE};
use crate::{SessionId, SessionMeta};

/// The format with metadata behind the data. Without it, the data are of an earlier version, with the metadata among them.
const FORM: &[u8] = b"2 ";

/// Returns a session in the stored format, with its data as JSON.
pub(super) fn text(record: &Record, json: &str) -> Result<String> {
    let mut text = head(record);
    text.push_str("2 ");
    text.push_str(json);
    if let Some(meta) = record.meta.json()? {
        text.push_str(&meta);
    }
    Ok(text)
}

/// Returns the part before the data. It identifies a state of the session: each save makes another version, each renewal another
/// expiry.
pub(super) fn head(record: &Record) -> String {
    let (created, expires, updated) = (micros(record.created_at), micros(record.expires_at), micros(record.updated_at));
    format!("{created} {} {} {expires} {updated} ", record.version, user(record.user_id))
}

/// Parses a stored session. Returns `None` if it cannot be read.
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
