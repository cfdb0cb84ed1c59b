//! The project's program while it runs below `lback runserver`.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::group::{self, in_own_group};
use crate::error::{Error, Result};

/// The program, which listens on the socket that it is given as standard input.
///
/// It connects to `calls`, proves by a word that it is the one, and says that it is ready, or why it is not. Where that
/// connection ends, it stops.
pub struct Program {
    child: Child,
    calls: TcpListener,
    word: String,
    connection: Option<TcpStream>,
    said: Vec<u8>,
    told_to_stop: Option<Instant>,
}

/// What a program is doing.
pub enum State {
    /// It has not yet said that it is ready.
    Starting,
    /// It answers requests.
    Ready,
    /// It has ended, for this reason.
    Ended(String),
}

/// How long a program that was told to stop may take, as its requests in flight may finish.
const PATIENCE: Duration = Duration::from_secs(35);

impl Program {
    /// Starts the program in the project's folder, to listen on `listener`.
    #[cfg(unix)]
    pub fn start(executable: &Path, root: &Path, listener: &TcpListener) -> Result<Self> {
        let fault = |error| Error::io("start", executable, error);
        let calls = TcpListener::bind(("127.0.0.1", 0)).map_err(fault)?;
        calls.set_nonblocking(true).map_err(fault)?;
        let port = calls.local_addr().map_err(fault)?.port();
        let word = word()?;
        let socket = std::os::fd::OwnedFd::from(listener.try_clone().map_err(fault)?);
        let mut command = Command::new(executable);
        command.arg("serve").env("LBACK_RUNSERVER", format!("{port} {word}")).current_dir(root).stdin(Stdio::from(socket));
        let child = in_own_group(&mut command).spawn().map_err(fault)?;
        Ok(Program { child, calls, word, connection: None, said: Vec::new(), told_to_stop: None })
    }

    #[cfg(not(unix))]
    pub fn start(executable: &Path, _: &Path, _: &TcpListener) -> Result<Self> {
        Err(Error::new(
            format!("{} cannot be handed a socket on this system", executable.display()),
            "Serve without reloading: lback serve",
        ))
    }

    /// What it is doing now.
    pub fn state(&mut self) -> Result<State> {
        let ended = self.child.try_wait().map_err(|error| Error::io("wait for", "the program".as_ref(), error))?;
        self.listen();
        let said = String::from_utf8_lossy(&self.said);
        let said = said.split_once('\n').filter(|(word, _)| *word == self.word).map(|(_, rest)| rest);
        if let Some(status) = ended {
            let why = said.and_then(|said| said.strip_prefix("failed\n")).map(str::to_owned);
            return Ok(State::Ended(
                why.unwrap_or_else(|| format!("The program has ended ({status}); the terminal shows what it printed.")),
            ));
        }
        let ready = said.is_some_and(|said| said.starts_with("ready\n"));
        Ok(if ready { State::Ready } else { State::Starting })
    }

    /// Tells it to stop, once its requests in flight have finished.
    pub fn stop(&mut self) {
        self.told_to_stop = Some(Instant::now());
        match &self.connection {
            Some(connection) => drop(connection.shutdown(Shutdown::Both)),
            None => group::terminate(&self.child),
        }
    }

    /// Has it ended? One that was told to long ago is ended.
    pub fn has_ended(&mut self) -> bool {
        if self.told_to_stop.is_some_and(|told| told.elapsed() > PATIENCE) {
            self.kill();
        }
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        group::kill(&mut self.child);
        let _ = self.child.wait();
    }

    /// Takes in what it says.
    fn listen(&mut self) {
        if self.connection.is_none() {
            let Ok((connection, _)) = self.calls.accept() else { return };
            self.connection = connection.set_nonblocking(true).is_ok().then_some(connection);
        }
        let Some(connection) = &mut self.connection else { return };
        let mut part = [0; 4096];
        loop {
            match connection.read(&mut part) {
                Ok(0) => break,
                Ok(read) => self.said.extend_from_slice(&part[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        if !self.said.starts_with(self.word.as_bytes()) && self.said.len() >= self.word.len() {
            // Somebody else.
            self.connection = None;
            self.said.clear();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.kill();
        }
    }
}

/// A word that nobody guesses.
fn word() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(format!("the system gives no random bytes: {error}"), "Try again in a moment."))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
