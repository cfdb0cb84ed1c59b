//! A whole session in the cookie's value: encrypted, and compressed if that makes it smaller.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Cookies, Error, Keys, Result};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::{MAX_TRIES, max_age, text};
use crate::store::{Record, UNREADABLE, heaviest, user_id};
use crate::{SessionConfig, SessionId, SessionMeta};

/// Maximum size of a cookie in browsers: name, value and attributes.
const MAX_COOKIE: usize = 4096;
/// Maximum size of the uncompressed data. No cookie unpacks to more: deflate compresses 1,032 bytes to one at best.
const MAX_UNPACKED: usize = 4 * 1024 * 1024;
/// The compression level: higher ones take longer and make sessions no smaller.
const EFFORT: u8 = 6;

/// The format of the data: the first byte before encryption.
const PLAIN: u8 = 2;
const DEFLATED: u8 = 3;
/// The formats of earlier versions, with the [`SessionMeta`] among the data.
const PLAIN_BEFORE_META: u8 = 0;
const DEFLATED_BEFORE_META: u8 = 1;

/// Returns the sessions in the first cookies that this application has sealed.
pub(crate) fn read(cookies: &Cookies, config: &SessionConfig, keys: &Keys) -> impl Iterator<Item = Record> {
    cookies.received(&config.cookie_name).filter_map(|value| open(value, config, keys)).take(MAX_TRIES)
}

/// Returns the session in a cookie's value.
pub(crate) fn open(value: &str, config: &SessionConfig, keys: &Keys) -> Option<Record> {
    if value.len() > MAX_COOKIE {
        return None;
    }
    unpack(&keys.decrypt_bytes(&config.cookie_name, value)?)
}

/// Returns the value of the cookie for a session.
///
/// # Errors
/// Returns 500 if the cookie is too large for browsers.
pub(crate) fn seal(record: &Record, config: &SessionConfig, keys: &Keys) -> Result<String> {
    let value = keys.encrypt_bytes(&config.cookie_name, &pack(record)?)?;
    let bytes = text(config, &value, max_age(config, record.meta.expiry, record.expires_at, record.updated_at)).len();
    if bytes <= MAX_COOKIE {
        return Ok(value);
    }
    let (key, weight) = heaviest(&record.data, &record.meta);
    Err(Error::internal(format!(
        "the session's cookie would take {bytes} bytes, and browsers keep {MAX_COOKIE}: \"{key}\" alone takes {weight} as JSON. Keep large \
         things in a table and only their id in the session, or write SESSION_STORE = \"database\" in settings.toml"
    )))
}

fn pack(record: &Record) -> Result<Vec<u8>> {
    // The data, followed by the metadata unless they are empty.
    let mut json = serde_json::to_vec(&record.data)?;
    if !record.meta.is_empty() {
        serde_json::to_writer(&mut json, &record.meta)?;
    }
    let deflated = compress_to_vec(&json, EFFORT);
    let (form, data) = if deflated.len() < json.len() { (DEFLATED, deflated) } else { (PLAIN, json) };
    let mut bytes = vec![form];
    bytes.extend(record.id.as_bytes());
    bytes.extend(record.version.to_be_bytes());
    for time in [record.expires_at, record.created_at, record.updated_at] {
        bytes.extend(time.timestamp().to_be_bytes());
        bytes.extend(time.timestamp_subsec_nanos().to_be_bytes());
    }
    bytes.extend(data);
    Ok(bytes)
}

fn unpack(bytes: &[u8]) -> Option<Record> {
    let (form, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (version, mut rest) = rest.split_first_chunk()?;
    let mut time = || {
        let (seconds, after) = rest.split_first_chunk()?;
        let (nanos, after) = after.split_first_chunk()?;
        rest = after;
        DateTime::<Utc>::from_timestamp(i64::from_be_bytes(*seconds), u32::from_be_bytes(*nanos))
    };
    let (expires_at, created_at, updated_at) = (time()?, time()?, time()?);
    let id = SessionId::from_slice(id)?;
    let json = match *form {
        PLAIN | PLAIN_BEFORE_META => Cow::Borrowed(rest),
        DEFLATED | DEFLATED_BEFORE_META => Cow::Owned(decompress_to_vec_with_limit(rest, MAX_UNPACKED).ok()?),
        _ => return None,
    };
    let is_old = matches!(*form, PLAIN_BEFORE_META | DEFLATED_BEFORE_META);
    let Ok((data, meta)) = SessionMeta::read_behind(&json, is_old) else {
        tracing::warn!(target: "lback::session", %id, "{UNREADABLE}");
        return None;
    };
    Some(Record {
        id,
        user_id: user_id(&data),
        data: Arc::new(data),
        meta,
        version: i64::from_be_bytes(*version),
        expires_at,
        created_at,
        updated_at,
    })
}
