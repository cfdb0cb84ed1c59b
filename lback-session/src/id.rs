//! The name of a session.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of a session: 122 random bits from the operating system, as a UUID (version 4).
///
/// It may stand in a log: by itself it opens nothing, because the cookie carries a signature too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new id.
    pub fn random() -> Self {
        SessionId(Uuid::new_v4())
    }

    /// The id's 16 bytes, as the database keeps them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Its first eight digits: enough to tell sessions apart in a log, and too few to be one.
    pub fn prefix(&self) -> String {
        self.0.as_bytes()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The id of these bytes; `None` unless they are 16.
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
