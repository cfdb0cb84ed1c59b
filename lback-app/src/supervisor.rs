//! The connection to `lback runserver`, if it has started this program.
//!
//! `lback runserver` owns the listening socket, so that a new build can take over without a refused request, and passes it on
//! as standard input. The two processes talk over a separate connection: this program reports that it is `ready`, or why it
//! has `failed`. It stops when the connection is closed.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};

use lback_core::settings::Environment;
use lback_core::{ProgramError, ProgramResult};
use tokio::io::AsyncReadExt;

/// The environment variable with the local port on which `lback runserver` listens, and the secret that authenticates this
/// program.
const VARIABLE: &str = "LBACK_RUNSERVER";

pub(crate) struct Supervisor(TcpStream);

impl Supervisor {
    /// Connects to the `lback runserver` that started this program. Returns `None` if the program was started without it.
    pub(crate) fn find(environment: &Environment) -> ProgramResult<Option<Self>> {
        let Some(named) = environment.get(VARIABLE) else { return Ok(None) };
        let gone = || ProgramError::new("lback runserver, which started this program, is no longer running");
        let (port, secret) = named.split_once(' ').ok_or_else(gone)?;
        let port: u16 = port.parse()?;
        let mut connection = TcpStream::connect(("127.0.0.1", port)).map_err(|error| gone().with_source(error))?;
        writeln!(connection, "{secret}")?;
        Ok(Some(Supervisor(connection)))
    }

    /// Returns the socket on which this program listens.
    #[cfg(unix)]
    pub(crate) fn listener() -> ProgramResult<TcpListener> {
        use std::os::fd::AsFd;
        let listener = TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        listener.local_addr().map_err(|error| ProgramError::new("lback runserver passed no socket").with_source(error))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    #[cfg(not(unix))]
    pub(crate) fn listener() -> ProgramResult<TcpListener> {
        Err(ProgramError::new("this system does not support passing a socket to another process"))
    }

    /// Reports that the program serves requests from now on.
    pub(crate) fn ready(&self) -> ProgramResult {
        Ok((&self.0).write_all(b"ready\n")?)
    }

    /// Reports why the program cannot serve requests.
    pub(crate) fn failed(&self, message: &str) {
        // The terminal shows the message as well.
        let _ = (&self.0).write_all(format!("failed\n{message}").as_bytes());
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Waits until this program should stop.
    pub(crate) async fn gone(&self) {
        let connection = self.0.try_clone().and_then(|connection| {
            connection.set_nonblocking(true)?;
            tokio::net::TcpStream::from_std(connection)
        });
        if let Ok(mut connection) = connection {
            // The supervisor sends nothing; the read ends when the connection is closed.
            let _ = connection.read(&mut [0]).await;
        }
    }
}
