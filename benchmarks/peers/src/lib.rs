//! The code that the servers share: their command line, and the routes of the axum servers.

pub mod axum_server;

use std::error::Error;
use std::str::FromStr;

/// The result of starting a server.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The inactivity timeout of a session, as in Lback's server.
pub const SESSION_MINUTES: i64 = 30;

/// The command line: `--port 8000 --threads 1`, and options for the server's store.
pub struct Options {
    pub port: u16,
    /// The number of worker threads.
    pub threads: usize,
    /// Extends a session's expiry at every request, not only when the session changes.
    pub rolling: bool,
    /// The number of users, for a server with users.
    pub users: u32,
    /// SQLite's `synchronous`: `NORMAL` or `FULL`.
    pub synchronous: String,
    /// The URL of the database or of Redis, or the path of the SQLite file. The default is `DATABASE_URL`.
    pub database: String,
}

impl Options {
    pub fn of_command_line() -> Result<Self> {
        let mut options = Options {
            port: 8000,
            threads: 1,
            rolling: false,
            users: 1000,
            synchronous: "FULL".to_owned(),
            database: std::env::var("DATABASE_URL").unwrap_or_default(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            if name == "--rolling" {
                options.rolling = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--port" => options.port = parse(&name, &value)?,
                "--threads" => options.threads = parse(&name, &value)?,
                "--users" => options.users = parse(&name, &value)?,
                "--synchronous" => options.synchronous = value.to_uppercase(),
                "--database" => options.database = value,
                _ => return Err(format!("{name} is not an option").into()),
            }
        }
        if !matches!(options.synchronous.as_str(), "NORMAL" | "FULL") {
            return Err("--synchronous must be NORMAL or FULL".into());
        }
        Ok(options)
    }

    /// Creates a runtime with the given number of worker threads.
    pub fn runtime(&self) -> Result<tokio::runtime::Runtime> {
        Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(self.threads).enable_all().build()?)
    }
}

fn parse<T: FromStr<Err: Error + Send + Sync + 'static>>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|error| format!("{name} {value}: {error}").into())
}
