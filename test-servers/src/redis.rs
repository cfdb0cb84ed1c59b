//! A private Redis.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::certificate::certificate;
use crate::process::{Server, free_port, installed};

/// A Redis server of the test's own, on a free port.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    port: u16,
    keeps: bool,
    /// Where its key and certificate are, if it speaks TLS only.
    tls: Option<TempDir>,
    /// The one that runs last. The first one's folder holds the data.
    servers: Vec<Server>,
}

impl Redis {
    /// One that forgets everything when it stops. `None` where Redis is not installed.
    ///
    /// # Panics
    /// Where it is installed and does not start; so do the other methods where what they do fails.
    pub fn start() -> Option<Self> {
        Self::start_as(false, None)
    }

    /// One that has written to the disk what it acknowledges, and finds it again when it is started again.
    pub fn start_durable() -> Option<Self> {
        Self::start_as(true, None)
    }

    /// One that speaks TLS only, with a certificate of its own for `localhost`. `None` also where openssl is not installed.
    pub fn start_with_tls() -> Option<Self> {
        let folder = certificate()?;
        Self::start_as(false, Some(folder))
    }

    fn start_as(keeps: bool, tls: Option<TempDir>) -> Option<Self> {
        let program = installed("redis-server", &[], "redis-server")?;
        let port = free_port().unwrap_or_else(|error| panic!("no free port: {error}"));
        let mut redis = Redis { program, port, keeps, tls, servers: Vec::new() };
        redis.start_again();
        Some(redis)
    }

    /// Where it listens: `127.0.0.1:6379`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// For `REDIS_URL`.
    pub fn url(&self) -> String {
        match self.tls {
            None => format!("redis://{}/0", self.address()),
            Some(_) => format!("rediss://localhost:{}/0", self.port),
        }
    }

    /// The certificate that vouches for it, where it speaks TLS.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|folder| folder.path().join("cert.pem"))
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
        let (plain_port, tls_port) = if self.tls.is_some() { ("0", port.as_str()) } else { (port.as_str(), "0") };
        let keys = self.tls.as_ref().map_or_else(PathBuf::new, |folder| folder.path().to_owned());
        let (cert, key) = (keys.join("cert.pem").display().to_string(), keys.join("key.pem").display().to_string());
        let mut arguments = vec![
            ["--port", plain_port],
            ["--bind", "127.0.0.1"],
            ["--dir", &data],
            ["--save", ""],
            ["--appendonly", keep],
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
        let mut cli = Command::new("redis-cli");
        cli.args(["-e", "-p", &self.port.to_string()]);
        if let Some(certificate) = self.certificate() {
            cli.args(["-h", "localhost", "--tls", "--cacert"]).arg(certificate);
        }
        let output = cli.args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
