//! The error page that `lback` serves while there is no program.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::hosts::is_ours;
use super::settings::Settings;

/// The reason why the project cannot be served.
pub struct Problem {
    title: &'static str,
    text: String,
    /// The version of the page. Like the project's own pages, the page polls it and reloads if it has changed.
    version: String,
    /// The project's folder. Its settings contain the allowed hosts.
    root: PathBuf,
}

/// The path that returns the current version. The project's program has it as well.
const VERSION: &str = "/__lback/reload";

const REFUSED: &str = "lback runserver does not respond to this host. If it is yours, add it to ALLOWED_HOSTS in settings.toml.\n";

/// The maximum size of a request's head, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The timeout for reading from and writing to a client.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Problem {
    /// Creates the page for a problem. The `number` must be unique.
    pub fn new(root: &Path, title: &'static str, text: String, number: u64) -> Arc<Self> {
        let version = format!("problem-{}-{number}", std::process::id());
        Arc::new(Problem { title, text, version, root: root.to_owned() })
    }

    /// Responds to all waiting clients. The `listener` must not block.
    pub fn answer(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            let problem = self.clone();
            // If no thread can be started, the connection is closed.
            let _ = thread::Builder::new().spawn(move || problem.respond(stream));
        }
    }

    fn respond(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nonblocking(false).ok()?;
        stream.set_read_timeout(Some(TIMEOUT)).ok()?;
        stream.set_write_timeout(Some(TIMEOUT)).ok()?;
        let head = head(&mut stream)?;
        let (status, kind, body) = match path(&head)? {
            _ if !is_ours(&hosts(&head), &Settings::of(&self.root)) => ("400 Bad Request", "text/plain", REFUSED.to_owned()),
            VERSION => ("200 OK", "text/plain", self.version.clone()),
            _ => ("500 Internal Server Error", "text/html", self.page()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        // Reads the rest of the request first: closing the connection before would reset it, and the client might not get the
        // response.
        stream.shutdown(Shutdown::Write).ok()?;
        let mut rest = [0; 4096];
        for _ in 0..MAX_HEAD {
            if stream.read(&mut rest).ok()? == 0 {
                break;
            }
        }
        Some(())
    }

    fn page(&self) -> String {
        include_str!("page.html")
            .replace("{{ title }}", self.title)
            .replace("{{ version }}", &self.version)
            .replace("{{ text }}", &escape(&self.text))
    }
}

/// Reads the request line and the headers of a request.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD {
        match stream.read(&mut part) {
            Ok(0) => return None,
            Ok(read) => head.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Returns the path of a request.
fn path(head: &str) -> Option<&str> {
    let target = head.split(' ').nth(1)?;
    target.split('?').next()
}

/// Returns the `Host` headers of a request. There is exactly one in a valid request.
fn hosts(head: &str) -> Vec<&str> {
    let fields = head.split("\r\n").skip(1).take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    fields.filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.trim()).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
