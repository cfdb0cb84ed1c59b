//! What is PostgreSQL's own, against real servers.

use lback_test_servers::Postgres;

/// A line of settings that names the server which these tests share; `None` where PostgreSQL is not installed.
pub fn url() -> Option<String> {
    Postgres::shared().map(|server| format!("DATABASE_URL = '{}'", server.url("postgres")))
}
