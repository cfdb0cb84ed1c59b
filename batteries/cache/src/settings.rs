//! The settings of the cache.

use std::time::Duration;

use lback_core::Secret;
use lback_core::settings::{Check, Section};
use serde::Deserialize;

/// The settings of the cache in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct CacheSettings {
    /// The store of the values: `memory:` in each process, `database:` in the application's database, or `redis://…`.
    pub cache_url: Secret,
    /// The beginning of the keys in the database and in Redis, so that several applications can share one.
    pub cache_prefix: String,
    /// The megabytes that values take in the memory of a process.
    pub cache_memory_mb: u64,
    /// The megabytes that values take in the database. Every minute, those that expire first are deleted if there are more.
    pub cache_database_mb: u64,
    /// The kilobytes, as JSON, that a value may have.
    pub cache_max_value_kb: usize,
    /// Seconds that a request waits for another one that computes the same value, before it computes the value itself.
    pub cache_wait_seconds: u64,
    /// Milliseconds for which later requests use the last look at the changes of the database. With 0, no value is served that is
    /// older than a commit which was answered before.
    pub cache_look_ms: u64,
    /// Milliseconds that Redis may take to answer.
    pub cache_timeout_ms: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        CacheSettings {
            cache_url: Secret::new("memory:"),
            cache_prefix: "lback:".to_owned(),
            cache_memory_mb: 64,
            cache_database_mb: 1024,
            cache_max_value_kb: 1024,
            cache_wait_seconds: 10,
            cache_look_ms: 0,
            cache_timeout_ms: 1000,
        }
    }
}

impl Section for CacheSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = CacheSettings::default();
        let url = self.cache_url.expose();
        let is_known = url == "memory:" || url == "database:" || is_redis(url);
        check.require("CACHE_URL", is_known, "\"memory:\", \"database:\" or the address of a Redis server", "redis://127.0.0.1:6379/0");
        let is_plain = self.cache_prefix.bytes().all(|byte| byte.is_ascii_graphic()) && (1..=64).contains(&self.cache_prefix.len());
        check.require("CACHE_PREFIX", is_plain, "1 to 64 characters of plain ASCII without spaces", usual.cache_prefix);
        check.range("CACHE_MEMORY_MB", self.cache_memory_mb, 1..=1_048_576, usual.cache_memory_mb);
        check.range("CACHE_DATABASE_MB", self.cache_database_mb, 1..=1_048_576, usual.cache_database_mb);
        check.range("CACHE_MAX_VALUE_KB", self.cache_max_value_kb, 1..=1_048_576, usual.cache_max_value_kb);
        check.range("CACHE_WAIT_SECONDS", self.cache_wait_seconds, 0..=3600, usual.cache_wait_seconds);
        check.range("CACHE_LOOK_MS", self.cache_look_ms, 0..=60_000, usual.cache_look_ms);
        check.range("CACHE_TIMEOUT_MS", self.cache_timeout_ms, 1..=600_000, usual.cache_timeout_ms);
    }
}

/// Returns whether this is the address of a Redis server.
pub(crate) fn is_redis(url: &str) -> bool {
    ["redis://", "rediss://", "unix://", "redis+unix://"].iter().any(|scheme| url.starts_with(scheme))
}

impl CacheSettings {
    pub(crate) fn wait(&self) -> Duration {
        Duration::from_secs(self.cache_wait_seconds)
    }

    pub(crate) fn look_age(&self) -> Duration {
        Duration::from_millis(self.cache_look_ms)
    }

    pub(crate) fn max_in_database(&self) -> i64 {
        i64::try_from(self.cache_database_mb << 20).unwrap_or(i64::MAX)
    }

    pub(crate) fn max_value(&self) -> usize {
        self.cache_max_value_kb.saturating_mul(1024)
    }
}
