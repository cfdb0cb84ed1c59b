use std::error::Error;
use std::str::FromStr;

use crate::Result;

/// The command line.
pub struct Options {
    pub port: u16,
    /// The number of worker threads.
    pub threads: usize,
    /// The number of connections of the pool.
    pub pool: u32,
    /// Gives out connections of the pool without testing them first, which is not the default of the pools.
    pub untested: bool,
    /// The URL of the PostgreSQL database, or the path of the SQLite file.
    pub database: String,
}

impl Options {
    pub fn of_command_line() -> Result<Self> {
        let mut options = Options { port: 8000, threads: 1, pool: 8, untested: false, database: String::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            if name == "--untested" {
                options.untested = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--port" => options.port = parse(&name, &value)?,
                "--threads" => options.threads = parse(&name, &value)?,
                "--pool" => options.pool = parse(&name, &value)?,
                "--database" => options.database = value,
                _ => return Err(format!("{name} is not an option").into()),
            }
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
