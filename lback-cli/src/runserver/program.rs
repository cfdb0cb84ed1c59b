//! The project's program as a child process of `lback runserver`.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::group::{self, in_own_group};
use crate::error::{Error, Result};

/// A running program. It listens on the socket that it gets as standard input.
///
/// The program connects to `control`, authenticates with `secret`, and reports that it is ready or why it has failed. It
/// stops when this connection is closed.
pub struct Program {
    child: Child,
    control: TcpListener,
    secret: String,
    connection: Option<TcpStream>,
    received: Vec<u8>,
    stopped_at: Option<Instant>,
}

/// The state of a program.
pub enum State {
    /// The program has not reported yet that it is ready.
    Starting,
    /// The program serves requests.
    Ready,
    /// The program has exited, for this reason.
    Exited(String),
}

/// How long a program may take to stop while it finishes requests in flight.
const STOP_TIMEOUT: Duration = Duration::from_secs(35);

impl Program {
    /// Starts the program in the project's folder, to listen on `listener`.
    #[cfg(unix)]
    pub fn start(executable: &Path, root: &Path, listener: &TcpListener) -> Result<Self> {
        let failed = |error| Error::io("start", executable, error);
        let control = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        control.set_nonblocking(true).map_err(failed)?;
        let port = control.local_addr().map_err(failed)?.port();
        let secret = secret()?;
        let socket = std::os::fd::OwnedFd::from(listener.try_clone().map_err(failed)?);
        let mut command = Command::new(executable);
        command.arg("serve").env("LBACK_RUNSERVER", format!("{port} {secret}")).current_dir(root).stdin(Stdio::from(socket));
        let child = in_own_group(&mut command).spawn().map_err(failed)?;
        Ok(Program { child, control, secret, connection: None, received: Vec::new(), stopped_at: None })
    }

    #[cfg(not(unix))]
    pub fn start(executable: &Path, _: &Path, _: &TcpListener) -> Result<Self> {
        Err(Error::new(
            format!("a socket cannot be passed to {} on this system", executable.display()),
            "Use the server without reloading: lback serve",
        ))
    }

    /// Returns the current state.
    pub fn state(&mut self) -> Result<State> {
        let exited = self.child.try_wait().map_err(|error| Error::io("wait for", "the program".as_ref(), error))?;
        self.receive();
        let received = String::from_utf8_lossy(&self.received);
        let report = received.split_once('\n').filter(|(secret, _)| *secret == self.secret).map(|(_, rest)| rest);
        if let Some(status) = exited {
            let why = report.and_then(|report| report.strip_prefix("failed\n")).map(str::to_owned);
            return Ok(State::Exited(why.unwrap_or_else(|| format!("The program has exited ({status}). The terminal shows its output."))));
        }
        let ready = report.is_some_and(|report| report.starts_with("ready\n"));
        Ok(if ready { State::Ready } else { State::Starting })
    }

    /// Tells the program to stop once its requests in flight have finished.
    pub fn stop(&mut self) {
        self.stopped_at = Some(Instant::now());
        match &self.connection {
            Some(connection) => drop(connection.shutdown(Shutdown::Both)),
            None => group::terminate(&self.child),
        }
    }

    /// Returns whether the program has exited. Kills it if it was told to stop too long ago.
    pub fn has_exited(&mut self) -> bool {
        if self.stopped_at.is_some_and(|at| at.elapsed() > STOP_TIMEOUT) {
            self.kill();
        }
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills the program.
    pub fn kill(&mut self) {
        group::kill(&mut self.child);
        let _ = self.child.wait();
    }

    /// Reads what the program has sent.
    fn receive(&mut self) {
        if self.connection.is_none() {
            let Ok((connection, _)) = self.control.accept() else { return };
            self.connection = connection.set_nonblocking(true).is_ok().then_some(connection);
        }
        let Some(connection) = &mut self.connection else { return };
        let mut part = [0; 4096];
        loop {
            match connection.read(&mut part) {
                Ok(0) => break,
                Ok(read) => self.received.extend_from_slice(&part[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        if !self.received.starts_with(self.secret.as_bytes()) && self.received.len() >= self.secret.len() {
            // The connection comes from another program.
            self.connection = None;
            self.received.clear();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.has_exited() {
            self.kill();
        }
    }
}

/// Returns a random secret.
fn secret() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(format!("the system returned no random bytes: {error}"), "Try again in a moment."))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
