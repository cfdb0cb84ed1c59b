//! A mail server that can simulate failures.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::certificate::certificate;

/// A time limit that keeps failed tests from hanging.
const LIMIT: Duration = Duration::from_secs(30);

/// A mail server that only the test uses, on 127.0.0.1. It stops when it is dropped.
#[derive(Debug)]
pub struct Smtp {
    port: u16,
    shared: Arc<Shared>,
    keys: Option<TempDir>,
}

/// A mail that the server has received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The address after `MAIL FROM`.
    pub from: String,
    /// The addresses after `RCPT TO`.
    pub to: Vec<String>,
    /// The content of the mail.
    pub data: String,
    /// The credentials from `AUTH PLAIN`.
    pub credentials: Option<String>,
    /// `true` if the mail was received over TLS.
    pub encrypted: bool,
}

/// A failure that the server simulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    /// It refuses recipients temporarily.
    Greylists,
    /// It refuses recipients permanently.
    RefusesRecipients,
    /// It refuses all logins.
    RefusesPasswords,
    /// It never sends a greeting.
    Hangs,
    /// It closes the connection in the middle of a mail.
    HangsUpInData,
    /// It accepts the mail but does not reply to `QUIT`.
    HangsAtGoodbye,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    tls: Option<(Arc<ServerConfig>, bool)>,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    connections: usize,
    fault: Option<SmtpFault>,
    stopped: bool,
}

impl Smtp {
    /// Starts a server without encryption.
    ///
    /// # Panics
    /// Panics if the server cannot be started. All other methods panic if they fail.
    pub fn start() -> Self {
        Self::serve(None, None)
    }

    /// Starts a server that offers STARTTLS. Returns `None` if openssl is not installed.
    pub fn start_with_starttls() -> Option<Self> {
        Self::serve_tls(false)
    }

    /// Starts a server that uses TLS from the first byte on. Returns `None` if openssl is not installed.
    pub fn start_with_tls() -> Option<Self> {
        Self::serve_tls(true)
    }

    fn serve_tls(implicit: bool) -> Option<Self> {
        let keys = certificate()?;
        let certificates = CertificateDer::pem_file_iter(keys.path().join("cert.pem")).expect("the certificate");
        let key = PrivateKeyDer::from_pem_file(keys.path().join("key.pem")).expect("the key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_no_client_auth()
            .with_single_cert(certificates.map(|certificate| certificate.expect("the certificate")).collect(), key)
            .expect("a certificate that matches the key");
        Some(Self::serve(Some((Arc::new(config), implicit)), Some(keys)))
    }

    fn serve(tls: Option<(Arc<ServerConfig>, bool)>, keys: Option<TempDir>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), tls });
        let server = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if server.state().stopped {
                    return;
                }
                let server = server.clone();
                // An error on a connection is either intended by the test, or noticed because a mail is missing.
                thread::spawn(move || stream.and_then(|stream| server.converse(stream)));
            }
        });
        Smtp { port, shared, keys }
    }

    /// Returns the value for `SMTP_PORT`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path of the certificate, if the server uses TLS.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.keys.as_ref().map(|folder| folder.path().join("cert.pem"))
    }

    /// Sets the failure to simulate from now on. With `None`, the server works normally.
    pub fn fail(&self, fault: Option<SmtpFault>) {
        self.shared.state().fault = fault;
    }

    /// Returns the mails that the server has received.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Waits until the server has received at least `count` mails, and returns them.
    pub fn wait_for_mail(&self, count: usize) -> Vec<Received> {
        self.wait(|state| state.received.len() >= count).received.clone()
    }

    /// Waits until there have been at least `count` connections.
    pub fn wait_for_connections(&self, count: usize) {
        drop(self.wait(|state| state.connections >= count));
    }

    fn wait(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.shared.changed.wait_timeout_while(self.shared.state(), LIMIT, |state| !ready(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "timed out waiting for the mail server: {state:?}");
        state
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fails(&self, fault: SmtpFault) -> bool {
        self.state().fault == Some(fault)
    }

    /// Blocks without sending anything until the server stops.
    fn hang(&self) {
        drop(self.changed.wait_while(self.state(), |state| !state.stopped));
    }

    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        self.state().connections += 1;
        self.changed.notify_all();
        if self.fails(SmtpFault::Hangs) {
            self.hang();
            return Ok(());
        }
        let mut stream = match &self.tls {
            Some((config, true)) => encrypted(stream, config)?,
            _ => Stream::Plain(stream),
        };
        stream.say("220 mail.test ready")?;
        let empty = || Received { from: String::new(), to: Vec::new(), data: String::new(), credentials: None, encrypted: false };
        let mut mail = empty();
        loop {
            let line = stream.line()?;
            let verb = line.to_ascii_uppercase();
            if verb.starts_with("EHLO") {
                let offers = if matches!((&self.tls, &stream), (Some((_, false)), Stream::Plain(_))) { "STARTTLS" } else { "AUTH PLAIN" };
                stream.say(&format!("250-mail.test\r\n250-8BITMIME\r\n250 {offers}"))?;
            } else if let (true, Some((config, _)), Stream::Plain(_)) = (verb == "STARTTLS", &self.tls, &stream) {
                stream.say("220 go ahead")?;
                let Stream::Plain(plain) = stream else { return Ok(()) };
                stream = encrypted(plain, config)?;
            } else if let Some(credentials) = verb.strip_prefix("AUTH PLAIN ").map(str::len) {
                mail.credentials = Some(line[line.len() - credentials..].to_owned());
                let refused = self.fails(SmtpFault::RefusesPasswords);
                stream.say(if refused { "535 5.7.8 wrong password" } else { "235 welcome" })?;
            } else if verb.starts_with("MAIL FROM:") {
                mail.from = address(&line);
                stream.say("250 ok")?;
            } else if verb.starts_with("RCPT TO:") {
                mail.to.push(address(&line));
                let fault = self.state().fault;
                stream.say(match fault {
                    Some(SmtpFault::Greylists) => "451 4.7.1 try again later",
                    Some(SmtpFault::RefusesRecipients) => "550 5.1.1 no such user",
                    _ => "250 ok",
                })?;
            } else if verb == "DATA" {
                stream.say("354 go ahead")?;
                if self.fails(SmtpFault::HangsUpInData) {
                    stream.line()?;
                    return stream.socket().shutdown(Shutdown::Both);
                }
                mail.data = stream.data()?;
                mail.encrypted = matches!(stream, Stream::Tls(_));
                self.state().received.push(std::mem::replace(&mut mail, empty()));
                self.changed.notify_all();
                stream.say("250 taken")?;
            } else if verb == "QUIT" {
                if self.fails(SmtpFault::HangsAtGoodbye) {
                    self.hang();
                }
                return stream.say("221 bye");
            } else {
                stream.say("502 what?")?;
            }
        }
    }
}

fn encrypted(stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<Stream> {
    let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
}

/// Returns the address in a line such as `MAIL FROM:<alice@example.com> BODY=8BITMIME`.
fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\r\n");
        match self {
            Stream::Plain(stream) => stream.write_all(line.as_bytes()),
            Stream::Tls(stream) => stream.write_all(line.as_bytes()).and_then(|()| stream.flush()),
        }
    }

    /// Reads one line byte by byte, so that no data after a STARTTLS are consumed.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            match self {
                Stream::Plain(stream) => stream.read_exact(&mut byte)?,
                Stream::Tls(stream) => stream.read_exact(&mut byte)?,
            }
            line.push(byte[0]);
        }
        line.truncate(line.len() - 2);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn data(&mut self) -> io::Result<String> {
        let mut data = String::new();
        loop {
            let line = self.line()?;
            if line == "." {
                return Ok(data);
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push('\n');
        }
    }
}
