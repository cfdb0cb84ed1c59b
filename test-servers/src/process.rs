//! Runs a server as a child process that ends with the test program.

use std::io::{self, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use tempfile::TempDir;

/// Runs "$@" until standard input is closed, which happens when the test program ends.
const GUARD: &str = r#"
folder=$1; signal=$2; shift 2
"$@" >"$folder/log" 2>&1 &
server=$!
echo "$server"
read -r _
kill -s "$signal" "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$folder"
"#;

/// A server that runs until this value is dropped or the test program ends.
#[derive(Debug)]
pub struct Server {
    guard: Child,
    pid: u32,
    folder: PathBuf,
}

impl Server {
    /// Runs `program` and logs its output to the file `log` in `folder`. The server is stopped with `signal`, such as `INT`.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start(folder: TempDir, signal: &str, program: &Path, arguments: &[&str]) -> io::Result<Self> {
        let folder = folder.keep();
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).arg(&folder).arg(signal).arg(program).args(arguments);
        let mut guard = guard.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut pid = Vec::new();
        if let Some(out) = guard.stdout.as_mut() {
            let mut byte = [0];
            while out.read(&mut byte)? == 1 && byte != *b"\n" {
                pid.push(byte[0]);
            }
        }
        let pid = String::from_utf8_lossy(&pid).parse().map_err(io::Error::other)?;
        Ok(Server { guard, pid, folder })
    }

    /// Returns the process id of the server.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns the folder with the files of the server.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the log of the server.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Returns the path of a program from the Debian package `package`. The program is on the `PATH` or in one of `folders`.
///
/// # Panics
/// Panics in CI if the program is missing, because CI must run all tests.
pub fn installed(program: &str, folders: &[&str], package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().map(PathBuf::from).chain(env::split_paths(&path));
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        assert!(env::var_os("CI").is_none(), "{program} is not installed: apt-get install {package}");
        eprintln!("skipped: {program} is not installed (apt-get install {package})");
    }
    found
}

/// Returns a free port of this machine.
///
/// # Errors
/// If there is none.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}
