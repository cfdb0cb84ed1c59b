//! The settings of the database.

use lback_core::Secret;
use lback_core::settings::{Check, Section};
use serde::Deserialize;

use crate::target::Target;

/// The keys of `settings.toml` that speak of the database, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct DbSettings {
    /// Where the database is: `sqlite:db.sqlite`, a path below the project's folder, or
    /// `postgres://user:password@host/database`.
    pub database_url: Secret,
    /// The most connections that are open at once.
    pub database_pool_size: u32,
    /// How long a request waits for a connection, in seconds, before it is answered with 503.
    pub database_wait_seconds: u64,
    /// How long a statement waits for a lock on the database, in milliseconds, before it is answered with 503.
    pub database_busy_timeout_ms: u32,
    /// How long a connection to PostgreSQL may take, in seconds.
    pub database_connect_timeout_seconds: u64,
    /// How long a statement may take on PostgreSQL, in milliseconds, before it is answered with 503; 0 means no limit.
    pub database_statement_timeout_ms: u32,
}

impl Default for DbSettings {
    fn default() -> Self {
        DbSettings {
            database_url: Secret::new("sqlite:db.sqlite"),
            database_pool_size: 8,
            database_wait_seconds: 5,
            database_busy_timeout_ms: 5000,
            database_connect_timeout_seconds: 5,
            database_statement_timeout_ms: 20_000,
        }
    }
}

impl Section for DbSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = DbSettings::default();
        let root = check.settings().root();
        check.accept("DATABASE_URL", Target::parse(self.database_url.expose(), root));
        check.range("DATABASE_POOL_SIZE", self.database_pool_size, 1..=10_000, usual.database_pool_size);
        check.range("DATABASE_WAIT_SECONDS", self.database_wait_seconds, 1..=3600, usual.database_wait_seconds);
        // To PostgreSQL, 0 means to wait for ever.
        check.range("DATABASE_BUSY_TIMEOUT_MS", self.database_busy_timeout_ms, 1..=3_600_000, usual.database_busy_timeout_ms);
        let connect = self.database_connect_timeout_seconds;
        check.range("DATABASE_CONNECT_TIMEOUT_SECONDS", connect, 1..=3600, usual.database_connect_timeout_seconds);
        check.range(
            "DATABASE_STATEMENT_TIMEOUT_MS",
            self.database_statement_timeout_ms,
            0..=86_400_000,
            usual.database_statement_timeout_ms,
        );
    }
}
