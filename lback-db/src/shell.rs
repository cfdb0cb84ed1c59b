//! The database's own shell.

use std::process::Command;

use crate::Database;
use crate::database_url::Target;

impl Database {
    /// Returns the command that opens the database's own shell: `sqlite3`, or `psql`, which gets the password in its environment, so
    /// that other users of the machine do not see it.
    pub fn shell(&self) -> Command {
        match self.target() {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(path) => {
                let mut shell = Command::new("sqlite3");
                shell.arg(path);
                shell
            }
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => {
                let (url, password) = url.without_password();
                let mut shell = Command::new("psql");
                shell.arg(url).envs(password.map(|password| ("PGPASSWORD", password)));
                shell
            }
        }
    }
}
