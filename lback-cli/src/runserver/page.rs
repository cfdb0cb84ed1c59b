//! The page that a browser sees while there is no program to answer it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::hosts::is_ours;
use super::settings::Settings;

/// What keeps the project from being served.
pub struct Problem {
    title: &'static str,
    text: String,
    /// Pages ask for it, as the project's own do, to see whether there is something newer.
    version: String,
    /// The project, whose settings say which hosts are ours.
    root: PathBuf,
}

/// The path at which pages ask for the version of what they show; the project's program answers it too.
const VERSION: &str = "/__lback/reload";

const REFUSED: &str = "lback runserver does not answer for that host. Add it to ALLOWED_HOSTS in settings.toml if it is yours.\n";

/// The most bytes of a request that are read.
const MAX_HEAD: usize = 64 * 1024;

/// How long a client may take to send or to receive.
const PATIENCE: Duration = Duration::from_secs(5);

impl Problem {
    /// The `number` tells problems apart.
    pub fn new(root: &Path, title: &'static str, text: String, number: u64) -> Arc<Self> {
        let version = format!("problem-{}-{number}", std::process::id());
        Arc::new(Problem { title, text, version, root: root.to_owned() })
    }

    /// Answers everybody who waits at `listener`, which does not block.
    pub fn answer(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            let problem = self.clone();
            // Where no thread can be had, the client sees its connection close.
            let _ = thread::Builder::new().spawn(move || problem.tell(stream));
        }
    }

    fn tell(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nonblocking(false).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
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
        // What the client still sends is read, so that it reads the answer: closing before would reset the connection.
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

/// The request line and the headers of a request.
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

/// The path that a request asks for.
fn path(head: &str) -> Option<&str> {
    let target = head.split(' ').nth(1)?;
    target.split('?').next()
}

/// The hosts that a request is for: one, unless somebody means harm.
fn hosts(head: &str) -> Vec<&str> {
    let fields = head.split("\r\n").skip(1).take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    fields.filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.trim()).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
