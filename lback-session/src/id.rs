//! Session ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of a session: 122 random bits from the operating system, as a UUID (version 4).
///
/// Logs may contain it: it gives no access by itself, as the cookie also has a signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Returns a new id.
    pub fn random() -> Self {
        SessionId(Uuid::new_v4())
    }

    /// Returns the 16 bytes of the id, as the database stores them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the first eight digits: enough to tell sessions apart in a log, and too few to identify one.
    pub fn prefix(&self) -> String {
        self.0.as_bytes()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the id of these bytes, or `None` unless there are 16.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(SessionId)
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(SessionId)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
