//! The address of the server, from the command line or the settings.

use std::fmt;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;

use super::settings::Settings;
use crate::error::{Error, Result};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Returns `HOST` and `PORT` from the project's settings, unless `text` (`8080`, `0.0.0.0`, `0.0.0.0:8080`) overrides
    /// them. Invalid settings are ignored, because the project's program reports them.
    pub fn of(project: &Path, text: Option<&str>) -> Result<Self> {
        let settings = Settings::of(project);
        let host = settings.value("HOST").filter(|host| !host.is_empty()).unwrap_or_else(|| "127.0.0.1".to_owned());
        let port = settings.value("PORT").and_then(|port| port.trim().parse().ok()).unwrap_or(8000);
        let Some(text) = text else { return Ok(Address { host, port }) };
        if let Ok(port) = text.parse() {
            return Ok(Address { host, port });
        }
        let (host, given) = match text.rsplit_once(':') {
            Some((host, given)) if !host.ends_with(':') => (host.trim_matches(['[', ']']), given.parse().ok()),
            _ => (text, Some(port)),
        };
        let is_host = !host.is_empty() && !host.contains('/') && !host.bytes().all(|byte| byte.is_ascii_digit());
        match given.filter(|_| is_host) {
            Some(port) => Ok(Address { host: host.to_owned(), port }),
            None => Err(Error::new(format!("\"{text}\" is not an address"), "Write 0.0.0.0:8080, or just a port: lback runserver 8080")),
        }
    }

    /// Opens a non-blocking listener on the address.
    pub fn listen(&self) -> Result<TcpListener> {
        let listener = TcpListener::bind((self.host.as_str(), self.port)).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => self.in_use(),
            ErrorKind::PermissionDenied => {
                Error::new(format!("you have no permission to use port {}", self.port), "Choose a port above 1023: lback runserver 8000")
            }
            _ => Error::new(
                format!("cannot listen on {self}: {error}"),
                "Check HOST and PORT in settings.toml, or give another address: lback runserver 127.0.0.1:8000",
            ),
        })?;
        listener.set_nonblocking(true).map_err(|error| Error::io("listen on", Path::new(&self.to_string()), error))?;
        Ok(listener)
    }

    fn in_use(&self) -> Error {
        let holder = listeners::get_process_by_port(self.port, listeners::Protocol::TCP)
            .map_or_else(|_| "another program".to_owned(), |process| format!("{} (process {})", process.name, process.pid));
        let free = (self.port.saturating_add(1)..=u16::MAX).find(|port| TcpListener::bind((self.host.as_str(), *port)).is_ok());
        Error::new(
            format!("port {} on {} is in use by {holder}", self.port, self.host),
            format!("Stop that program, or use the next free port: lback runserver {}", free.unwrap_or(8000)),
        )
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
