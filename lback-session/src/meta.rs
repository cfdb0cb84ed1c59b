//! Metadata of a session, which is stored beside the visitor's data.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::Result;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::Flash;
use crate::store::Data;

/// The metadata that Lback keeps about a session, apart from the visitor's data.
///
/// A store keeps it beside the data, as JSON for example. It may omit metadata that [are empty](Self::is_empty).
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SessionMeta {
    /// The session's own expiry, set by [`set_expiry`](crate::AppSession::set_expiry).
    #[serde(skip_serializing_if = "Expiry::is_default")]
    pub expiry: Expiry,
    /// Messages for the next page, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "flashes")]
    pub flashes: Vec<Flash>,
}

/// Shows how many messages there are, but not their texts.
impl fmt::Debug for SessionMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMeta").field("expiry", &self.expiry).field("flashes", &self.flashes.len()).finish_non_exhaustive()
    }
}

/// When a session ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// After the idle time of the settings.
    #[default]
    Default,
    /// After this idle time.
    After(Duration),
    /// At this time, even if it is used.
    At(DateTime<Utc>),
}

/// The keys of the metadata in the data of earlier versions.
const EXPIRY: &str = "_expiry";
const FLASHES: &str = "flash_messages";

impl SessionMeta {
    /// Returns whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.expiry.is_default() && self.flashes.is_empty()
    }

    /// Returns the metadata as JSON text, or `None` if there is nothing to keep.
    pub(crate) fn json(&self) -> Result<Option<String>> {
        if self.is_empty() { Ok(None) } else { Ok(Some(serde_json::to_string(self)?)) }
    }

    /// Parses data and the metadata that may follow them. If an earlier version has stored them (`is_old`), the metadata are among the
    /// data.
    pub(crate) fn read_behind(json: &[u8], is_old: bool) -> serde_json::Result<(Data, SessionMeta)> {
        let mut json = serde_json::Deserializer::from_slice(json);
        let mut data = Data::deserialize(&mut json)?;
        let meta = match json.end() {
            Ok(()) if is_old => SessionMeta::taken_from(&mut data),
            Ok(()) => SessionMeta::default(),
            Err(_) => SessionMeta::deserialize(&mut json)?,
        };
        json.end()?;
        Ok((data, meta))
    }

    /// Moves the metadata of an earlier version out of the data.
    fn taken_from(data: &mut Data) -> Self {
        let mut meta = SessionMeta::default();
        if let Some(expiry) = data.get(EXPIRY).map(Expiry::of).filter(|expiry| !expiry.is_default()) {
            data.remove(EXPIRY);
            meta.expiry = expiry;
        }
        if data.get(FLASHES).is_some_and(Value::is_array) {
            meta.flashes = data.remove(FLASHES).map(flashes_of).unwrap_or_default();
        }
        meta
    }
}

impl Expiry {
    pub(crate) fn is_default(&self) -> bool {
        matches!(self, Expiry::Default)
    }

    /// Returns the expiry rounded to whole seconds, as it is stored.
    pub(crate) fn in_seconds(self) -> Self {
        match self {
            Expiry::After(idle) => Expiry::After(Duration::from_secs(idle.as_millis().div_ceil(1000).min(i64::MAX as u128) as u64)),
            other => other,
        }
    }

    fn of(stored: &Value) -> Self {
        match stored {
            Value::Number(seconds) => {
                seconds.as_i64().map_or(Expiry::Default, |seconds| Expiry::After(Duration::from_secs(seconds.max(0) as u64)))
            }
            Value::String(time) => time.parse().map_or(Expiry::Default, Expiry::At),
            _ => Expiry::Default,
        }
    }
}

/// The stored form: a number of seconds, or a time.
impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Expiry::Default => serializer.serialize_none(),
            Expiry::After(idle) => serializer.serialize_u64(idle.as_secs()),
            Expiry::At(time) => time.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Expiry::of(&Value::deserialize(deserializer)?))
    }
}

/// Skips invalid messages, which are no reason to lose the session.
fn flashes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Flash>, D::Error> {
    Ok(flashes_of(Value::deserialize(deserializer)?))
}

fn flashes_of(stored: Value) -> Vec<Flash> {
    let Value::Array(stored) = stored else { return Vec::new() };
    stored.into_iter().filter_map(|flash| serde_json::from_value(flash).ok()).collect()
}
