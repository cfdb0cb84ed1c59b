//! The settings of rate limits.

use std::time::Duration;

use lback_core::Secret;
use lback_core::settings::{Check, Section};
use serde::Deserialize;

/// The settings of rate limits in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct LimitSettings {
    /// The store of the counts: `memory:` in each process, `database:` in the application's database, or `redis://…`.
    pub limits_url: Secret,
    /// The beginning of the keys in Redis, so that several applications can share one.
    pub limits_prefix: String,
    /// Milliseconds that the database or Redis may take to answer. After that, the process counts by itself.
    pub limits_timeout_ms: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        LimitSettings { limits_url: Secret::new("memory:"), limits_prefix: "lback:".to_owned(), limits_timeout_ms: 1000 }
    }
}

impl Section for LimitSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = LimitSettings::default();
        let url = self.limits_url.expose();
        let is_known = url == "memory:" || url == "database:" || is_redis(url);
        check.require("LIMITS_URL", is_known, "\"memory:\", \"database:\" or the address of a Redis server", "redis://127.0.0.1:6379/0");
        let is_plain = self.limits_prefix.bytes().all(|byte| byte.is_ascii_graphic()) && self.limits_prefix.len() <= 64;
        check.require("LIMITS_PREFIX", is_plain, "up to 64 characters of plain ASCII without spaces", usual.limits_prefix);
        check.range("LIMITS_TIMEOUT_MS", self.limits_timeout_ms, 1..=600_000, usual.limits_timeout_ms);
    }
}

/// Returns whether this is the address of a Redis server.
pub(crate) fn is_redis(url: &str) -> bool {
    ["redis://", "rediss://", "unix://", "redis+unix://"].iter().any(|scheme| url.starts_with(scheme))
}

impl LimitSettings {
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.limits_timeout_ms)
    }
}
