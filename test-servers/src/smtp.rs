//! A mail server that fails as it is told.

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

/// After this a test that went wrong ends, instead of hanging.
const LIMIT: Duration = Duration::from_secs(30);

/// A mail server of the test's own, on 127.0.0.1. It stops when it is dropped.
#[derive(Debug)]
pub struct Smtp {
    port: u16,
    shared: Arc<Shared>,
    keys: Option<TempDir>,
}

/// A mail that the server has taken.
#[derive(Clone, Debug)]
pub struct Received {
    /// The address after `MAIL FROM`.
    pub from: String,
    /// The addresses after `RCPT TO`.
    pub to: Vec<String>,
    /// The mail itself.
    pub data: String,
    /// What came with `AUTH PLAIN`.
    pub credentials: Option<String>,
    /// Did it come over TLS?
    pub encrypted: bool,
}

/// How the server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    /// Recipients are refused for now.
    Greylists,
    /// Recipients are refused for good.
    RefusesRecipients,
    /// Whoever logs in is refused.
    RefusesPasswords,
    /// It says nothing at all.
    Hangs,
    /// It hangs up in the middle of a mail.
    HangsUpInData,
    /// It takes the mail, and does not answer the goodbye.
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
    /// One that speaks in clear.
    ///
    /// # Panics
    /// Where it cannot be started; so do the other methods where what they do fails.
    pub fn start() -> Self {
        Self::serve(None, None)
    }

    /// One that offers STARTTLS. `None` where openssl is not installed; so does the next.
    pub fn start_with_starttls() -> Option<Self> {
        Self::serve_tls(false)
    }

    /// One that speaks TLS from the first byte on.
    pub fn start_with_tls() -> Option<Self> {
        Self::serve_tls(true)
    }

    fn serve_tls(at_once: bool) -> Option<Self> {
        let keys = certificate()?;
        let certificates = CertificateDer::pem_file_iter(keys.path().join("cert.pem")).expect("the certificate");
        let key = PrivateKeyDer::from_pem_file(keys.path().join("key.pem")).expect("the key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_no_client_auth()
            .with_single_cert(certificates.map(|certificate| certificate.expect("the certificate")).collect(), key)
            .expect("key and certificate fit");
        Some(Self::serve(Some((Arc::new(config), at_once)), Some(keys)))
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
                // What goes wrong on a connection is what the test wanted, or shows in what is missing.
                thread::spawn(move || stream.and_then(|stream| server.converse(stream)));
            }
        });
        Smtp { port, shared, keys }
    }

    /// For `SMTP_PORT`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that vouches for it, where it speaks TLS.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.keys.as_ref().map(|folder| folder.path().join("cert.pem"))
    }

    /// From now on it fails like this, or not at all.
    pub fn fail(&self, fault: Option<SmtpFault>) {
        self.shared.state().fault = fault;
    }

    /// The mails it has taken.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Waits until it has taken so many mails.
    pub fn wait_for_mail(&self, count: usize) -> Vec<Received> {
        self.wait(|state| state.received.len() >= count).received.clone()
    }

    /// Waits until somebody has connected so often.
    pub fn wait_for_connections(&self, count: usize) {
        drop(self.wait(|state| state.connections >= count));
    }

    fn wait(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.shared.changed.wait_timeout_while(self.shared.state(), LIMIT, |state| !ready(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "the mail server has waited in vain: {state:?}");
        state
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
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

    /// Says nothing more until the server stops.
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

/// `MAIL FROM:<alice@example.com> BODY=8BITMIME`.
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

    /// One byte after the other, so that nothing is taken that belongs behind a STARTTLS.
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
