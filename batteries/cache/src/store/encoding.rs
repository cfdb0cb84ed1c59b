//! Values as bytes, for stores outside of the process: a line of JSON about the value, and the value as JSON.

use std::io;

use lback_core::Result;
use serde::{Deserialize, Serialize};

use super::{Meta, Stored, TagMark, Value};
use crate::changes::Slot;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    #[serde(rename = "v")]
    version: u32,
    #[serde(rename = "s")]
    stale_at: Option<i64>,
    #[serde(rename = "e")]
    expires_at: Option<i64>,
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    slots: Vec<Slot>,
    #[serde(rename = "p", borrow)]
    seen: Option<&'a str>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<(Slot, TagMark)>,
}

pub(super) fn encode(stored: &Stored) -> Result<Vec<u8>> {
    let Meta { version, stale_at, expires_at, slots, seen, tags } = &stored.meta;
    let seen = seen.as_ref().map(ToString::to_string);
    let head = Head {
        version: *version,
        stale_at: *stale_at,
        expires_at: *expires_at,
        slots: slots.to_vec(),
        seen: seen.as_deref(),
        tags: tags.to_vec(),
    };
    let mut bytes = serde_json::to_vec(&head)?;
    bytes.push(b'\n');
    if let Value::Json(json) = &stored.value {
        bytes.extend_from_slice(json);
    }
    Ok(bytes)
}

/// Returns the value, or `None` if the bytes are of another program.
pub(super) fn decode(bytes: &[u8]) -> Option<Stored> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head<'_> = serde_json::from_slice(&bytes[..end]).ok()?;
    let seen = match head.seen {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let meta = Meta {
        version: head.version,
        stale_at: head.stale_at,
        expires_at: head.expires_at,
        slots: head.slots.into(),
        seen,
        tags: head.tags.into(),
    };
    let json: Box<[u8]> = bytes[end + 1..].into();
    Some(Stored { meta, length: json.len(), value: Value::Json(json) })
}

/// Returns the length of a value as JSON, in bytes.
pub(super) fn length<T: Serialize>(value: &T) -> Result<usize> {
    struct Counted(usize);
    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, value)?;
    Ok(counted.0)
}
