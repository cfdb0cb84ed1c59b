//! `lback runserver`, where this program runs below it.
//!
//! It has the listening socket, so that one program can follow another without a request being refused, and hands it on
//! as standard input. Over a connection of their own the two talk: this program says that it is `ready`, or why it
//! `failed`; the end of the connection means that it is to stop.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};

use lback_core::middleware::{LiveReload, Stack};
use lback_core::settings::Environment;
use lback_core::{Error, Result};
use tokio::io::AsyncReadExt;

/// Names the port of this machine at which `lback runserver` listens, and the word that proves who calls.
const VARIABLE: &str = "LBACK_RUNSERVER";

pub(crate) struct Supervisor(TcpStream);

impl Supervisor {
    /// The `lback runserver` that has started this program, if one has.
    pub(crate) fn find(environment: &Environment) -> Result<Option<Self>> {
        let Some(named) = environment.get(VARIABLE) else { return Ok(None) };
        let gone = || Error::internal("lback runserver, which has started this program, is gone");
        let (port, word) = named.split_once(' ').ok_or_else(gone)?;
        let port: u16 = port.parse()?;
        let mut connection = TcpStream::connect(("127.0.0.1", port)).map_err(|error| gone().with_source(error))?;
        writeln!(connection, "{word}")?;
        Ok(Some(Supervisor(connection)))
    }

    /// The socket on which this program is to listen.
    #[cfg(unix)]
    pub(crate) fn listener() -> Result<TcpListener> {
        use std::os::fd::AsFd;
        let listener = TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        listener.local_addr().map_err(|error| Error::internal("lback runserver handed over no socket").with_source(error))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    #[cfg(not(unix))]
    pub(crate) fn listener() -> Result<TcpListener> {
        Err(Error::internal("a socket cannot be handed over on this system"))
    }

    /// Says that requests are answered from now on.
    pub(crate) fn ready(&self) -> Result<()> {
        Ok((&self.0).write_all(b"ready\n")?)
    }

    /// Says why none will be.
    pub(crate) fn failed(&self, message: &str) {
        // The terminal shows it too.
        let _ = (&self.0).write_all(format!("failed\n{message}").as_bytes());
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Comes back when this program is to stop.
    pub(crate) async fn gone(&self) {
        let connection = self.0.try_clone().and_then(|connection| {
            connection.set_nonblocking(true)?;
            tokio::net::TcpStream::from_std(connection)
        });
        if let Ok(mut connection) = connection {
            // Nothing is ever sent this way.
            let _ = connection.read(&mut [0]).await;
        }
    }
}

/// Puts [`LiveReload`] around everything.
pub(crate) fn add_live_reload(stack: &mut Stack) -> Result<()> {
    let outermost = stack.names().next();
    match outermost {
        Some(name) => stack.insert_before(name, LiveReload::new()).map(drop),
        None => {
            stack.push(LiveReload::new());
            Ok(())
        }
    }
}
