//! Runs `cargo build`.

use std::env;
use std::io::{BufRead, BufReader, ErrorKind, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use anstream::adapter::strip_str;
use serde_json::Value;

use super::group::{self, in_own_group};
use crate::error::{Error, Result};

/// A running build.
pub struct Build {
    cargo: Child,
    messages: Option<JoinHandle<Messages>>,
    log: Option<JoinHandle<String>>,
}

/// The outcome of a build.
pub enum Outcome {
    /// The build succeeded, and produced this program.
    Built(PathBuf),
    /// The build failed with this message, which is without colours.
    Failed(String),
}

/// The messages that cargo writes to standard output, as JSON.
#[derive(Default)]
struct Messages {
    executables: Vec<Executable>,
    errors: Vec<String>,
}

struct Executable {
    name: String,
    path: PathBuf,
    of_package: bool,
}

impl Build {
    /// Starts building the project in `root`. The output of cargo and the compiler is forwarded to standard error.
    pub fn start(root: &Path) -> Result<Self> {
        let colour = stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
        let (format, when) = if colour { ("json-diagnostic-rendered-ansi", "always") } else { ("json", "never") };
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--message-format", format]).env("CARGO_TERM_COLOR", when).current_dir(root);
        cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut cargo = in_own_group(&mut cargo).spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::no_cargo(),
            _ => Error::io("run", "cargo".as_ref(), error),
        })?;
        let manifest = root.join("Cargo.toml");
        let messages = cargo.stdout.take().map(|out| thread::spawn(move || Messages::read(BufReader::new(out), &manifest)));
        let log = cargo.stderr.take().map(|err| thread::spawn(move || forward(BufReader::new(err))));
        Ok(Build { cargo, messages, log })
    }

    /// Returns the outcome, if the build has finished.
    pub fn outcome(&mut self) -> Result<Option<Outcome>> {
        let status = self.cargo.try_wait().map_err(|error| Error::io("wait for", "cargo".as_ref(), error))?;
        let Some(status) = status else { return Ok(None) };
        // If a thread has panicked, its output is lost.
        let messages = self.messages.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let log = self.log.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok(Some(match messages.program() {
            _ if !status.success() && messages.errors.is_empty() => Outcome::Failed(log),
            _ if !status.success() => Outcome::Failed(messages.errors.join("\n")),
            Some(executable) => Outcome::Built(executable),
            None => Outcome::Failed(format!(
                "The project has several programs, but none with the name of its package: {}. Give this name to the one to run, in Cargo.toml: [[bin]] name = \"…\"",
                messages.executables.iter().map(|executable| executable.name.as_str()).collect::<Vec<_>>().join(", ")
            )),
        }))
    }

    /// Cancels the build.
    pub fn stop(mut self) {
        group::terminate(&self.cargo);
        let _ = self.cargo.wait();
    }
}

impl Messages {
    fn read(lines: impl BufRead, manifest: &Path) -> Self {
        let mut messages = Messages::default();
        for line in lines.lines().map_while(std::io::Result::ok) {
            // Lines other than JSON were printed by a macro or a build script.
            let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
            messages.add(&message, manifest);
        }
        messages
    }

    fn add(&mut self, message: &Value, manifest: &Path) {
        if let Some(rendered) = message["message"]["rendered"].as_str() {
            let _ = stderr().write_all(rendered.as_bytes());
            if message["message"]["level"].as_str().is_some_and(|level| level.starts_with("error")) {
                self.errors.push(strip_str(rendered).to_string());
            }
        }
        let of_project = message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest);
        if of_project
            && let (Some(executable), Some(name)) = (message["executable"].as_str(), message["target"]["name"].as_str())
            && message["target"]["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
        {
            let of_package = message["package_id"].as_str().is_some_and(|id| package(id) == name);
            self.executables.push(Executable { name: name.to_owned(), path: executable.into(), of_package });
        }
    }

    /// Returns the only program, or else the one with the package's name.
    fn program(&self) -> Option<PathBuf> {
        let found = match self.executables.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|executable| executable.of_package),
        };
        found.map(|executable| executable.path.clone())
    }
}

/// Returns the package name in a package id: `path+file:///home/me/mysite#0.1.0`, or `…#mysite@0.1.0`.
fn package(id: &str) -> &str {
    let (location, version) = id.rsplit_once('#').unwrap_or((id, ""));
    match version.split_once('@') {
        Some((name, _)) => name,
        None => location.rsplit('/').next().unwrap_or(location),
    }
}

/// Forwards lines to standard error, and returns them.
fn forward(mut lines: impl BufRead) -> String {
    let mut log = String::new();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let _ = stderr().write_all(&line);
        log.push_str(&strip_str(&String::from_utf8_lossy(&line)).to_string());
        line.clear();
    }
    log
}
