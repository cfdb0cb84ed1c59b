//! A private PostgreSQL server.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::is_root;
use crate::{Authority, Server, free_port, installed};

/// Runs until it receives SIGTERM, and then stops the server, which `pg_ctl` has detached from this process.
const KEEPER: &str = r#"
trap '"$@"; kill $!; exit' TERM
while :; do sleep 3600 & wait $!; done
"#;

/// Turns off everything that makes the server slower to protect data from a power failure.
const FAST: &str = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n";

/// The durability of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Data survive, as on a server in production.
    Safe,
    /// Data may be lost, and the server is as fast as possible.
    Fast,
}

/// A PostgreSQL server on a port of this machine. It has a superuser `lback` with the password `lback`.
#[derive(Debug)]
pub struct Postgres {
    /// Stops the server and removes its folder when it is dropped.
    keeper: Server,
    bin: PathBuf,
    port: u16,
}

static SHARED: LazyLock<Option<Postgres>> = LazyLock::new(|| Postgres::start(Disk::Fast));

impl Postgres {
    /// Returns the server that all tests of a program share, or `None` if PostgreSQL is not installed.
    pub fn shared() -> Option<&'static Postgres> {
        SHARED.as_ref()
    }

    /// Starts a server. Returns `None` if PostgreSQL is not installed.
    ///
    /// # Panics
    /// Panics if the server cannot be started, or if it is not installed in CI.
    pub fn start(disk: Disk) -> Option<Self> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<String> = versions.map(|version| version.path().join("bin").display().to_string()).collect();
        folders.sort_by(|one, other| other.cmp(one));
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        let initdb = installed("initdb", &folders, "postgresql")?;
        match Self::start_with(initdb.parent()?, disk) {
            Ok(server) => Some(server),
            Err(error) => panic!("cannot start PostgreSQL: {error}"),
        }
    }

    fn start_with(bin: &Path, disk: Disk) -> io::Result<Self> {
        let folder = TempDir::with_prefix("lback-postgres-")?;
        if let Some((user, group)) = owner()? {
            chown(folder.path(), Some(user), Some(group))?;
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
        let data = folder.path().join("data");
        let password = folder.path().join("password");
        fs::write(&password, "lback")?;
        let password = format!("--pwfile={}", password.display());
        let initdb = as_owner(&bin.join("initdb"))
            .args(["--username=lback", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", &password, "-D"])
            .arg(&data)
            .output()?;
        successful(&initdb)?;
        let port = free_port()?;
        let mut settings = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
        let sockets = folder.path().display();
        writeln!(settings, "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{sockets}'\nmax_connections = 300")?;
        if disk == Disk::Fast {
            settings.write_all(FAST.as_bytes())?;
        }
        let stop = pg_ctl(bin, &data, &["stop", "-m", "immediate"]);
        let mut keeper = vec!["-c".to_owned(), KEEPER.to_owned(), "sh".to_owned(), stop.get_program().to_string_lossy().into_owned()];
        keeper.extend(stop.get_args().map(|argument| argument.to_string_lossy().into_owned()));
        let keeper: Vec<&str> = keeper.iter().map(String::as_str).collect();
        let server = Postgres { keeper: Server::start(folder, "TERM", Path::new("sh"), &keeper)?, bin: bin.to_owned(), port };
        server.run()?;
        Ok(server)
    }

    /// Requires TLS from now on, with a certificate for `localhost`. Clients with a certificate of the same authority may log in as the
    /// user whom it names, if that is `lback_certified`.
    ///
    /// # Errors
    /// If the files cannot be written or the server does not start again.
    pub fn require_tls(&self, authority: &Authority) -> io::Result<()> {
        let data = self.keeper.folder().join("data");
        let (certificate, key) = authority.issue("localhost");
        for (from, name) in [(authority.certificate(), "ca.pem"), (certificate, "server.pem"), (key, "server-key.pem")] {
            let to = data.join(name);
            fs::copy(from, &to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
            if let Some((user, group)) = owner()? {
                chown(&to, Some(user), Some(group))?;
            }
        }
        let mut settings = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
        writeln!(settings, "ssl = on\nssl_ca_file = 'ca.pem'\nssl_cert_file = 'server.pem'\nssl_key_file = 'server-key.pem'")?;
        fs::write(data.join("pg_hba.conf"), "hostssl all lback_certified all cert\nhostssl all all all scram-sha-256\n")?;
        self.restart()
    }

    /// Starts the server again after [`stop`](Self::stop) or [`crash`](Self::crash), and waits until it responds.
    ///
    /// # Errors
    /// If the server does not start.
    pub fn run(&self) -> io::Result<()> {
        let log = self.keeper.folder().join("server-log");
        self.pg_ctl(&["start", "-l", &log.display().to_string()])
    }

    /// Stops the server. It notifies its clients and closes their connections.
    ///
    /// # Errors
    /// If the server is not running.
    pub fn stop(&self) -> io::Result<()> {
        self.pg_ctl(&["stop", "-m", "fast"])
    }

    /// Ends all processes of the server immediately, like a crash.
    ///
    /// # Errors
    /// If the server is not running.
    pub fn crash(&self) -> io::Result<()> {
        self.pg_ctl(&["stop", "-m", "immediate"])
    }

    /// Stops the server and starts it again.
    ///
    /// # Errors
    /// If the server is not running, or does not start.
    pub fn restart(&self) -> io::Result<()> {
        self.stop()?;
        self.run()
    }

    /// Suspends all processes of the server. They keep their connections but do not respond.
    ///
    /// # Errors
    /// If the processes cannot be found.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal("STOP")
    }

    /// Resumes the processes of the server after [`freeze`](Self::freeze).
    ///
    /// # Errors
    /// If the processes cannot be found.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal("CONT")
    }

    /// Returns the `DATABASE_URL` of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://lback:lback@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates an empty database and returns its `DATABASE_URL`.
    ///
    /// # Panics
    /// Panics if there is already a database of that name.
    pub fn create(&self, database: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{database}\""));
        self.url(database)
    }

    /// Runs statements on a separate connection and returns their output.
    ///
    /// # Panics
    /// Panics if a statement fails.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let psql = Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", statements])
            .output();
        match psql.and_then(|output| successful(&output).map(|()| output)) {
            Ok(output) => String::from_utf8_lossy(&output.stdout).trim_end().to_owned(),
            Err(error) => panic!("{statements} failed: {error}"),
        }
    }

    fn pg_ctl(&self, arguments: &[&str]) -> io::Result<()> {
        successful(&pg_ctl(&self.bin, &self.keeper.folder().join("data"), arguments).stdout(Stdio::null()).stderr(Stdio::null()).output()?)
    }

    /// Kills all processes of the server with SIGKILL, so that none of them can do anything more.
    ///
    /// # Errors
    /// If the processes cannot be found.
    pub fn kill(&self) -> io::Result<()> {
        // While it is suspended, it starts no others.
        self.freeze()?;
        let processes = self.processes()?;
        processes.iter().for_each(|process| drop(signal("KILL", process)));
        let patience = Instant::now() + Duration::from_secs(10);
        while processes.iter().any(|process| Path::new("/proc").join(process).exists()) {
            if Instant::now() > patience {
                return Err(io::Error::other("the processes of the server do not end"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Sends a signal to the server and all of its children.
    fn signal(&self, name: &str) -> io::Result<()> {
        let server = self.processes()?.remove(0);
        signal(name, &server)?;
        // A process that has ended in the meantime needs no signal.
        self.processes()?.iter().skip(1).for_each(|child| drop(signal(name, child)));
        Ok(())
    }

    /// Returns the ids of the server's process, which is the first, and of its children.
    fn processes(&self) -> io::Result<Vec<String>> {
        let file = fs::read_to_string(self.keeper.folder().join("data/postmaster.pid"))?;
        let server = file.lines().next().unwrap_or_default().to_owned();
        let mut processes = vec![server.clone()];
        for entry in fs::read_dir("/proc")?.flatten() {
            // The fields after the name, which is in parentheses, are: state, parent, …
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
            if parent == Some(server.as_str()) {
                processes.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(processes)
    }
}

fn signal(name: &str, process: &str) -> io::Result<()> {
    successful(&Command::new("sh").arg("-c").arg(format!("kill -{name} {process}")).output()?)
}

fn pg_ctl(bin: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = as_owner(&bin.join("pg_ctl"));
    command.arg("-D").arg(data).args(["-w", "-s"]).args(arguments);
    command
}

/// Returns a command that runs as the user `postgres` if this process is root, because PostgreSQL refuses to run as root.
fn as_owner(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

/// Returns the ids of the user `postgres` and its group if this process is root.
fn owner() -> io::Result<Option<(u32, u32)>> {
    if !is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let entry = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let ids = entry.and_then(|entry| {
        let mut fields = entry.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    ids.map(Some).ok_or_else(|| io::Error::other("there is no user postgres"))
}

fn successful(output: &Output) -> io::Result<()> {
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))),
    }
}
