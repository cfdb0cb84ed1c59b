//! A private Redis.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::{Server, free_port, installed};

/// A Redis server of the test's own, on a free port.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    port: u16,
    keeps: bool,
    /// The one that runs last. The first one's folder holds the data.
    servers: Vec<Server>,
}

impl Redis {
    /// One that forgets everything when it stops. `None` where Redis is not installed.
    ///
    /// # Panics
    /// Where it is installed and does not start; so do the other methods where what they do fails.
    pub fn start() -> Option<Self> {
        Self::start_keeping(false)
    }

    /// One that has written to the disk what it acknowledges, and finds it again when it is started again.
    pub fn start_durable() -> Option<Self> {
        Self::start_keeping(true)
    }

    fn start_keeping(keeps: bool) -> Option<Self> {
        let program = installed("redis-server", &[], "redis-server")?;
        let port = free_port().unwrap_or_else(|error| panic!("no free port: {error}"));
        let mut redis = Redis { program, port, keeps, servers: Vec::new() };
        redis.start_again();
        Some(redis)
    }

    /// Where it listens: `127.0.0.1:6379`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// For `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address())
    }

    /// Starts the server after it was [killed](Self::kill), on the same port, and waits until it answers.
    pub fn start_again(&mut self) {
        let server = self.launch().unwrap_or_else(|error| panic!("Redis cannot be started: {error}"));
        self.servers.push(server);
        let patience = Instant::now() + Duration::from_secs(20);
        while self.try_command(&["PING"]).is_none_or(|answer| answer != "PONG") {
            let log = self.servers.last().map(Server::log).unwrap_or_default();
            assert!(Instant::now() < patience, "Redis does not answer: {log}");
            sleep(Duration::from_millis(5));
        }
    }

    fn launch(&self) -> io::Result<Server> {
        let folder = tempfile::Builder::new().prefix("lback-redis-").tempdir()?;
        let data = self.servers.first().map_or(folder.path(), Server::folder).display().to_string();
        let (port, keep) = (self.port.to_string(), if self.keeps { "yes" } else { "no" });
        let arguments = [
            ["--port", &port],
            ["--bind", "127.0.0.1"],
            ["--dir", &data],
            ["--save", ""],
            ["--appendonly", keep],
            ["--appendfsync", "always"],
        ];
        // A signal that ends it even while it is stopped: there is nothing that it would have to do before.
        Server::start(folder, "KILL", &self.program, arguments.as_flattened())
    }

    /// Sends `SIGKILL`: the server ends without knowing.
    pub fn kill(&self) {
        self.signal("KILL");
        let patience = Instant::now() + Duration::from_secs(20);
        while self.try_command(&["PING"]).is_some_and(|answer| answer == "PONG") {
            assert!(Instant::now() < patience, "Redis goes on");
        }
    }

    /// Sends `SIGSTOP`: the server holds its connections and answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Sends `SIGCONT`: the server goes on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.servers.last().map(|server| server.pid().to_string()).unwrap_or_default();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "Redis cannot be sent {name}");
    }

    /// What `redis-cli` prints for a command.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).unwrap_or_else(|| panic!("redis-cli cannot be run, or Redis refuses {words:?}"))
    }

    fn try_command(&self, words: &[&str]) -> Option<String> {
        let output = Command::new("redis-cli").args(["-e", "-p", &self.port.to_string()]).args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
