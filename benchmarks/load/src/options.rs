//! The command line.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::Result;

const HELP: &str = "\
load MODE [OPTION VALUE]...
  plain  GET /plain without a cookie
  read   GET /read, each with a random session
  count  GET /count, each with a random session; then every session is read and its updates are counted
  one    the same with all connections on one session
  login  POST /login for a random user, user0 and so on, from a client without cookies
  user   GET /user, each with a random session of a logged-in user
  form   GET /form, with the same sessions
  errors POST /form with invalid values and a token, with the same sessions
  db, queries, fortunes, updates, insert
         TechEmpower's requests, without a cookie; the last two are sent with POST
  idle   opens the connections, sends one request on each, and reports the increase of the server's memory
  hostile opens connections of --kind, and reports the resources that the server used
options
  --port 8000         the port of the server on 127.0.0.1
  --connections 32    the number of connections
  --sessions 1000     the number of sessions, or of users for login
  --seconds 4         the measured time
  --while-pid 0       ends the measurement when this process has ended
  --warmup 1          the seconds before the measured time
  --kind headers      the kind of hostile clients: hashes, files, parts, keys, window, window-of-one, headers, idle, body, readers, refused
  --suffix -plain     a suffix for the path
  --pid 0             the server's process, to report its CPU time and memory
  --database-pid 0    the database's process, to report its CPU time and that of its children";

/// The number of rows that a request of [`Mode::Queries`] reads.
pub const QUERIES: usize = 20;
/// The number of rows that a request of [`Mode::Updates`] changes.
pub const UPDATES: usize = 5;
/// The number of rows that a request of [`Mode::Insert`] inserts.
pub const INSERTED: u64 = 10_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Plain,
    Read,
    Count,
    Login,
    User,
    Form,
    Errors,
    Db,
    Queries,
    Fortunes,
    Updates,
    Insert,
    Idle,
    Hostile,
}

impl Mode {
    /// Returns the path of the requests.
    pub fn path(self) -> &'static str {
        match self {
            Mode::Plain | Mode::Idle | Mode::Hostile => "plain",
            Mode::Read => "read",
            Mode::Count => "count",
            Mode::Login => "login",
            Mode::User => "user",
            Mode::Form | Mode::Errors => "form",
            Mode::Db => "db",
            Mode::Queries => "queries",
            Mode::Fortunes => "fortunes",
            Mode::Updates => "updates",
            Mode::Insert => "insert",
        }
    }

    /// Returns the query string of the requests.
    pub fn query(self) -> String {
        match self {
            Mode::Queries => format!("?n={QUERIES}"),
            Mode::Updates => format!("?n={UPDATES}"),
            _ => String::new(),
        }
    }

    /// Returns the form that requests without a session send, if any.
    pub fn form(self) -> Option<&'static str> {
        matches!(self, Mode::Updates | Mode::Insert).then_some("")
    }
}

pub struct Options {
    pub mode: Mode,
    pub port: u16,
    pub connections: usize,
    pub sessions: usize,
    pub measured: Duration,
    pub warmup: Duration,
    pub suffix: String,
    pub kind: String,
    pub while_pid: Option<u32>,
    pub pid: Option<u32>,
    pub database_pid: Option<u32>,
}

impl Options {
    pub fn of_command_line() -> Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let name = arguments.next().unwrap_or_default();
        let mode = match name.as_str() {
            "plain" => Mode::Plain,
            "read" => Mode::Read,
            "count" | "one" => Mode::Count,
            "login" => Mode::Login,
            "user" => Mode::User,
            "form" => Mode::Form,
            "errors" => Mode::Errors,
            "db" => Mode::Db,
            "queries" => Mode::Queries,
            "fortunes" => Mode::Fortunes,
            "updates" => Mode::Updates,
            "insert" => Mode::Insert,
            "idle" => Mode::Idle,
            "hostile" => Mode::Hostile,
            _ => return Err(HELP.into()),
        };
        let mut options = Options {
            mode,
            port: 8000,
            connections: 32,
            sessions: 1000,
            measured: Duration::from_secs(4),
            warmup: Duration::from_secs(1),
            suffix: String::new(),
            kind: "headers".to_owned(),
            while_pid: None,
            pid: None,
            database_pid: None,
        };
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--port" => options.port = parse(&option, &value)?,
                "--connections" => options.connections = parse(&option, &value)?,
                "--sessions" => options.sessions = parse(&option, &value)?,
                "--seconds" => options.measured = Duration::from_secs_f64(parse(&option, &value)?),
                "--warmup" => options.warmup = Duration::from_secs_f64(parse(&option, &value)?),
                "--suffix" => options.suffix = value,
                "--kind" => options.kind = value,
                "--while-pid" => options.while_pid = Some(parse(&option, &value)?).filter(|pid| *pid != 0),
                "--pid" => options.pid = Some(parse(&option, &value)?).filter(|pid| *pid != 0),
                "--database-pid" => options.database_pid = Some(parse(&option, &value)?).filter(|pid| *pid != 0),
                _ => return Err(format!("{option} is not an option\n{HELP}").into()),
            }
        }
        if name == "one" {
            options.sessions = 1;
        }
        if options.sessions == 0 || options.connections == 0 {
            return Err("there must be at least one session and one connection".into());
        }
        Ok(options)
    }
}

fn parse<T: FromStr<Err: Display>>(option: &str, value: &str) -> Result<T> {
    value.parse().map_err(|error| format!("{option} {value}: {error}").into())
}
