//! Lengths of time, stored as microseconds.

use chrono::TimeDelta;

use super::{FieldType, StoredResult};
use crate::Kind;

impl FieldType for TimeDelta {
    type Stored = i64;
    const KIND: Kind = Kind::Duration;

    fn from_stored(stored: i64) -> StoredResult<Self> {
        Ok(TimeDelta::microseconds(stored))
    }

    fn into_stored(self) -> StoredResult<i64> {
        Ok(self.num_microseconds().ok_or("a length of time of more than 292,000 years cannot be stored")?)
    }
}
