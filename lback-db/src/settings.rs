//! The settings of the database.

use lback_core::Secret;
use lback_core::settings::{Check, Section};
use serde::Deserialize;

use crate::Isolation;
use crate::database_url::Target;

/// The settings of the database in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct DbSettings {
    /// The location of the database: `sqlite:db.sqlite`, a path below the project's folder, or
    /// `postgres://user:password@host/database`.
    pub database_url: Secret,
    /// Maximum number of open connections.
    pub database_pool_size: u32,
    /// Seconds that a request waits for a connection before it is answered with 503.
    pub database_wait_seconds: u64,
    /// Milliseconds that a statement waits for a lock before the request is answered with 503.
    pub database_busy_timeout_ms: u32,
    /// Seconds that connecting to PostgreSQL may take.
    pub database_connect_timeout_seconds: u64,
    /// Milliseconds that a statement may take on PostgreSQL before the request is answered with 503; 0 means no limit.
    pub database_statement_timeout_ms: u32,
    /// The isolation of transactions on PostgreSQL: `"read committed"`, `"repeatable read"` or `"serializable"`.
    pub database_isolation: Isolation,
    /// Milliseconds from which on a statement is slow and is logged with a warning; 0 logs none.
    pub database_slow_ms: u32,
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
            database_isolation: Isolation::ReadCommitted,
            database_slow_ms: 0,
        }
    }
}

impl Section for DbSettings {
    fn check(&self, check: &mut Check<'_>) {
        let usual = DbSettings::default();
        let root = check.settings().root();
        let target = Target::parse(self.database_url.expose(), root);
        #[cfg(feature = "sqlite")]
        if let Ok(Target::Sqlite(file)) = &target {
            check.require_not_served("DATABASE_URL", file.parent().unwrap_or(root), "sqlite:db.sqlite");
        }
        check.accept("DATABASE_URL", target);
        check.range("DATABASE_POOL_SIZE", self.database_pool_size, 1..=10_000, usual.database_pool_size);
        check.range("DATABASE_WAIT_SECONDS", self.database_wait_seconds, 1..=3600, usual.database_wait_seconds);
        // For PostgreSQL, 0 means to wait without a limit.
        check.range("DATABASE_BUSY_TIMEOUT_MS", self.database_busy_timeout_ms, 1..=3_600_000, usual.database_busy_timeout_ms);
        let connect = self.database_connect_timeout_seconds;
        check.range("DATABASE_CONNECT_TIMEOUT_SECONDS", connect, 1..=3600, usual.database_connect_timeout_seconds);
        check.range(
            "DATABASE_STATEMENT_TIMEOUT_MS",
            self.database_statement_timeout_ms,
            0..=86_400_000,
            usual.database_statement_timeout_ms,
        );
        check.range("DATABASE_SLOW_MS", self.database_slow_ms, 0..=86_400_000, 500);
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use lback_core::settings::Settings;

    use super::DbSettings;

    fn refusal(folder: &std::path::Path, toml: &str) -> Option<String> {
        Settings::from_toml(folder, toml).unwrap().checked::<DbSettings>().err().map(|error| error.to_string())
    }

    #[test]
    fn a_file_that_visitors_may_ask_for_is_refused() {
        let project = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(project.path().join("data/media")).unwrap();
        for toml in [
            "DATABASE_URL = 'sqlite:static/db.sqlite'",
            "DATABASE_URL = 'sqlite:media/db.sqlite'",
            "DATABASE_URL = 'sqlite:media/deep/db.sqlite'",
            "MEDIA_DIR = 'data'\nDATABASE_URL = 'sqlite:data/db.sqlite'",
            "MEDIA_DIR = './data/'\nDATABASE_URL = 'sqlite:data/media/../db.sqlite'",
            "STATIC_DIR = 'data/media'\nDATABASE_URL = 'sqlite://data/media/db.sqlite'",
        ] {
            let message = refusal(project.path(), toml).unwrap_or_else(|| panic!("{toml} should be refused"));
            assert!(
                message.contains("should be outside of ") && message.contains("DATABASE_URL = \"sqlite:db.sqlite\""),
                "{toml}: {message}"
            );
        }
        for toml in ["", "DATABASE_URL = 'sqlite:data/db.sqlite'", "MEDIA_DIR = 'data/media'\nDATABASE_URL = 'sqlite:data/db.sqlite'"] {
            assert_eq!(refusal(project.path(), toml), None, "{toml}");
        }
    }

    #[test]
    fn a_file_that_nobody_means_is_refused() {
        let project = tempfile::tempdir().unwrap();
        for url in [
            "sqlite:db.sqlite?mode=rwc",
            "sqlite:///srv/db.sqlite?cache=shared",
            "sqlite:~/db.sqlite",
            "sqlite: db.sqlite",
            "sqlite:db.sqlite ",
            "sqlite:a\\u0000b",
            " ",
        ] {
            let message =
                refusal(project.path(), &format!("DATABASE_URL = \"{url}\"")).unwrap_or_else(|| panic!("{url} should be refused"));
            assert!(message.contains("write DATABASE_URL = \"sqlite:db.sqlite\""), "{url}: {message}");
        }
    }
}
