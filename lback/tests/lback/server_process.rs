//! Other processes of this test program: servers and workers, which can be stopped and killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);

/// A server or a worker.
pub(crate) struct Process {
    pub(crate) child: Child,
    /// The address of a server; empty for a worker.
    pub(crate) address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Runs an ignored test, which is the program, in the folder of an application, until it listens or runs jobs. `LBACK_TEST_COMMAND` is
    /// its command line.
    pub(crate) fn start(test: &str, project: &Path, command: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .env("LBACK_TEST_COMMAND", command)
            .env("LBACK_ROOT", project)
            .env_remove("LBACK_ENV")
            .env_remove("DATABASE_URL")
            .current_dir(project)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            let address = line.split_once("listening on http://").map(|(_, rest)| rest.split([' ', '"']).next().unwrap_or(rest).to_owned());
            let is_worker = line.contains("running jobs, ");
            said.push(line);
            address.or(is_worker.then(String::new))
        });
        let address = address.unwrap_or_else(|| panic!("the process has not started: {said:#?}"));
        let log = Arc::new(Mutex::new(said));
        let kept = log.clone();
        thread::spawn(move || lines.for_each(|line| kept.lock().unwrap().push(line)));
        Process { child, address, log }
    }

    /// Runs the application with the command line of this process.
    pub(crate) fn run(app: lback::App) {
        let arguments: Vec<String> = std::env::var("LBACK_TEST_COMMAND").unwrap().split(' ').map(str::to_owned).collect();
        app.run(&arguments).unwrap();
    }

    /// The lines that the process has logged.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Asks the process to stop, and waits until it has.
    #[cfg(any(feature = "jobs", feature = "realtime"))]
    pub(crate) fn stop(mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        eventually("the process stops", || self.child.try_wait().unwrap().is_some());
        assert!(self.child.wait().unwrap().success(), "{:#?}", self.log.lock().unwrap());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request with further header lines, and returns the whole response, or `None` if there is none.
pub(crate) fn send(address: &str, method: &str, path: &str, headers: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    Some(response)
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LIMIT, "{what}: this has not become true");
        thread::sleep(Duration::from_millis(10));
    }
}
