//! The ids of requests.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The id of a request: 64 bits that reveal nothing about other requests, neither their ids nor their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub(super) u64);

impl RequestId {
    /// Hashes the request's number with keys that are drawn when the program starts. Without the keys, the result is as good as
    /// random, and it is cheaper than asking the system for random numbers each time.
    pub(super) fn next() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        RequestId(KEYS.hash_one(COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Returns the id of a trace that begins with this request. It ends with the request's own id.
    pub(super) fn trace(self) -> u128 {
        (u128::from(KEYS.hash_one((self.0, "trace"))) << 64) | u128::from(self.0)
    }

    /// Returns the id as 16 hexadecimal digits. Every response contains it, so this avoids a formatter.
    pub(crate) fn digits(self) -> [u8; 16] {
        std::array::from_fn(|at| b"0123456789abcdef"[(self.0 >> (60 - 4 * at)) as usize & 15])
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
