//! A private Redis server.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::certificate::certificate;
use crate::process::{Server, free_port, installed};

/// A Redis server that only the test uses, on a free port.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    port: u16,
    durable: bool,
    /// The folder with the key and the certificate, if the server accepts only TLS.
    tls: Option<TempDir>,
    /// The servers that were started. The last one runs, and the folder of the first one contains the data.
    servers: Vec<Server>,
}

impl Redis {
    /// Starts a server that loses its data when it stops. Returns `None` if Redis is not installed.
    ///
    /// # Panics
    /// Panics if Redis is installed but does not start. All other methods panic if they fail.
    pub fn start() -> Option<Self> {
        Self::start_as(false, None)
    }

    /// Starts a server that writes data to disk before it acknowledges them, and still has them after a restart.
    pub fn start_durable() -> Option<Self> {
        Self::start_as(true, None)
    }

    /// Starts a server that accepts only TLS, with a self-signed certificate for `localhost`. Also returns `None` if openssl is not
    /// installed.
    pub fn start_with_tls() -> Option<Self> {
        let folder = certificate()?;
        Self::start_as(false, Some(folder))
    }

    fn start_as(durable: bool, tls: Option<TempDir>) -> Option<Self> {
        let program = installed("redis-server", &[], "redis-server")?;
        let port = free_port().unwrap_or_else(|error| panic!("no free port: {error}"));
        let mut redis = Redis { program, port, durable, tls, servers: Vec::new() };
        redis.start_again();
        Some(redis)
    }

    /// Returns the address of the server, such as `127.0.0.1:6379`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the value for `REDIS_URL`.
    pub fn url(&self) -> String {
        match self.tls {
            None => format!("redis://{}/0", self.address()),
            Some(_) => format!("rediss://localhost:{}/0", self.port),
        }
    }

    /// Returns the path of the certificate, if the server uses TLS.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|folder| folder.path().join("cert.pem"))
    }

    /// Starts the server on the same port after it was [killed](Self::kill), and waits until it responds.
    pub fn start_again(&mut self) {
        let server = self.launch().unwrap_or_else(|error| panic!("cannot start Redis: {error}"));
        self.servers.push(server);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.try_command(&["PING"]).is_none_or(|response| response != "PONG") {
            let log = self.servers.last().map(Server::log).unwrap_or_default();
            assert!(Instant::now() < deadline, "Redis does not respond: {log}");
            sleep(Duration::from_millis(5));
        }
    }

    fn launch(&self) -> io::Result<Server> {
        let folder = tempfile::Builder::new().prefix("lback-redis-").tempdir()?;
        let data = self.servers.first().map_or(folder.path(), Server::folder).display().to_string();
        let (port, append_only) = (self.port.to_string(), if self.durable { "yes" } else { "no" });
        let (plain_port, tls_port) = if self.tls.is_some() { ("0", port.as_str()) } else { (port.as_str(), "0") };
        let keys = self.tls.as_ref().map_or_else(PathBuf::new, |folder| folder.path().to_owned());
        let (cert, key) = (keys.join("cert.pem").display().to_string(), keys.join("key.pem").display().to_string());
        let mut arguments = vec![
            ["--port", plain_port],
            ["--bind", "127.0.0.1"],
            ["--dir", &data],
            ["--save", ""],
            ["--appendonly", append_only],
            ["--appendfsync", "always"],
        ];
        if self.tls.is_some() {
            arguments.extend([
                ["--tls-port", tls_port],
                ["--tls-cert-file", &cert],
                ["--tls-key-file", &key],
                ["--tls-auth-clients", "no"],
            ]);
        }
        // SIGKILL ends the server even while it is paused, and it has nothing to clean up.
        Server::start(folder, "KILL", &self.program, arguments.as_flattened())
    }

    /// Sends `SIGKILL`, which ends the server immediately.
    pub fn kill(&self) {
        self.signal("KILL");
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.try_command(&["PING"]).is_some_and(|response| response == "PONG") {
            assert!(Instant::now() < deadline, "Redis is still running");
        }
    }

    /// Sends `SIGSTOP`. The server keeps its connections but does not respond.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Sends `SIGCONT`, after which the server continues.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.servers.last().map(|server| server.pid().to_string()).unwrap_or_default();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {name} to Redis");
    }

    /// Runs a command with `redis-cli` and returns its output.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).unwrap_or_else(|| panic!("redis-cli cannot be run, or Redis refuses {words:?}"))
    }

    fn try_command(&self, words: &[&str]) -> Option<String> {
        let mut cli = Command::new("redis-cli");
        cli.args(["-e", "-p", &self.port.to_string()]);
        if let Some(certificate) = self.certificate() {
            cli.args(["-h", "localhost", "--tls", "--cacert"]).arg(certificate);
        }
        let output = cli.args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
