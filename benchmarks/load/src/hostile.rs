//! Hostile clients, which tie up resources of a server.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::options::Options;
use crate::{Result, process};

/// The interval of slow reads and writes.
const DRIP: Duration = Duration::from_secs(1);
/// The interval at which the server's process is sampled.
const SAMPLE: Duration = Duration::from_millis(100);

/// The run ends after this number of connections, if the server closes them.
const MAX_CONNECTIONS: usize = 100_000;

/// The maximum size of an HTTP/2 frame from the server.
const MAX_FRAME: usize = 16 * 1024;

/// The behaviour of a connection.
struct Kind {
    /// The bytes that it sends first.
    begin: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// Does nothing more.
    Silence,
    /// Sends a byte each second.
    SendByte,
    /// Reads a byte each second, and nothing else.
    ReadByte,
    /// Sends the same bytes again after a response.
    Again,
    /// Responds to HTTP/2 pings.
    Pings,
}

impl Kind {
    fn named(name: &str) -> Result<Self> {
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes();
        let post = |path: &str, kind: &str, length: usize| {
            format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n").into_bytes()
        };
        let files = |count: usize, size: usize| {
            let file =
                [&b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n"[..], &vec![b'x'; size], b"\r\n"].concat();
            let mut begin = post("/upload", "multipart/form-data; boundary=b", 32_000_000);
            begin.extend(file.repeat(count));
            begin
        };
        let (begin, then) = match name {
            "hashes" => (get(&format!("/static/a{}.css", ".00000000".repeat(6_900))), Then::Again),
            "files" => (files(40, 257 * 1024), Then::Silence),
            "parts" => (files(120, 255 * 1024), Then::Silence),
            "keys" => {
                let mut form = String::new();
                for key in 0.. {
                    if form.len() > 1_990_000 {
                        break;
                    }
                    form += &format!("{key:x}=&");
                }
                let mut begin = post("/comments", "application/x-www-form-urlencoded", form.len());
                begin.extend_from_slice(form.as_bytes());
                (begin, Then::Again)
            }
            "window" => (http2(0, 128), Then::Pings),
            "window-of-one" => (http2(1, 128), Then::Pings),
            "headers" => (b"GET /plain HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ".to_vec(), Then::SendByte),
            "idle" => (Vec::new(), Then::Silence),
            "body" => {
                let mut begin = post("/upload", "text/plain", 2_000_000);
                begin.resize(begin.len() + 1_000_000, b'x');
                (begin, Then::SendByte)
            }
            "readers" => (get("/page").repeat(100), Then::ReadByte),
            "refused" => {
                let mut begin = post("/nothing", "text/plain", 40_000_000);
                begin.resize(begin.len() + 40_000_000, b'x');
                (begin, Then::Silence)
            }
            _ => return Err(format!("hostile --kind {name}: no such kind").into()),
        };
        Ok(Kind { begin, then })
    }
}

/// Returns the beginning of an HTTP/2 connection that gives each response a window of the given size, and requests the given
/// number of pages.
fn http2(window: u32, requests: u32) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat()));
    for request in 0..requests {
        // :method GET, :scheme http, :path, :authority.
        let block = [&[0x82, 0x86, 4, 5][..], b"/page", &[1, 9], b"127.0.0.1"].concat();
        bytes.extend(frame(1, 5, 2 * request + 1, &block));
    }
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Keeps the connections open for the measured time, or until `--while-pid` has ended, and reports the resources that the
/// server used.
pub fn run(options: &Options) -> Result {
    let kind = Kind::named(&options.kind)?;
    let pid = options.pid.ok_or("hostile needs --pid of a running process")?;
    let address: SocketAddr = ([127, 0, 0, 1], options.port).into();
    let mut poll = Poll::new()?;
    let mut connections = Vec::new();
    let mut opened = 0;
    for at in 0..options.connections {
        connections.push(Connection::open(address, at, &poll)?);
        opened += 1;
    }
    let end = Instant::now() + options.measured;
    let mut events = Events::with_capacity(1024);
    let (mut next_sample, mut next_drip) = (Instant::now(), Instant::now() + DRIP);
    let mut peak = process::Files::default();
    let mut resident = 0;
    loop {
        let now = Instant::now();
        if now >= end || opened > MAX_CONNECTIONS || options.while_pid.is_some_and(|pid| !process::runs(pid)) {
            break;
        }
        if now >= next_sample {
            next_sample = now + SAMPLE;
            resident = resident.max(process::resident_kib(pid).ok_or("the server has exited")?);
            let files = process::files(pid).unwrap_or_default();
            peak = process::Files { open: peak.open.max(files.open), temporary: peak.temporary.max(files.temporary) };
        }
        let drips = now >= next_drip;
        if drips {
            next_drip = now + DRIP;
        }
        if let Err(error) = poll.poll(&mut events, Some(SAMPLE / 5))
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        let ready: Vec<usize> = events.iter().map(|event| event.token().0).collect();
        let turn: Vec<usize> = if drips { (0..connections.len()).collect() } else { ready };
        for at in turn {
            if !connections[at].proceed(&kind, drips)? {
                connections[at] = Connection::open(address, at, &poll)?;
                opened += 1;
            }
        }
    }
    println!("opened={opened}");
    println!("peak_rss_kib={resident}\npeak_files={}\npeak_temporary_files={}", peak.open, peak.temporary);
    Ok(())
}

struct Connection {
    stream: TcpStream,
    sent: usize,
    /// Additional bytes to be sent.
    answer: Vec<u8>,
    /// The beginning of an incomplete frame.
    received: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr, at: usize, poll: &Poll) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Connection { stream, sent: 0, answer: Vec::new(), received: Vec::new() })
    }

    /// Sends and reads without blocking. Returns whether the connection is still open.
    fn proceed(&mut self, kind: &Kind, drips: bool) -> Result<bool> {
        if self.stream.take_error()?.is_some() {
            return Ok(false);
        }
        Ok(self.send(kind, drips) && self.receive(kind, drips))
    }

    fn send(&mut self, kind: &Kind, drips: bool) -> bool {
        while self.sent < kind.begin.len() {
            match self.stream.write(&kind.begin[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) => return is_pending(&error),
            }
        }
        if drips && kind.then == Then::SendByte {
            self.answer.push(b'x');
        }
        while !self.answer.is_empty() {
            match self.stream.write(&self.answer) {
                Ok(written) => drop(self.answer.drain(..written)),
                Err(error) => return is_pending(&error),
            }
        }
        true
    }

    fn receive(&mut self, kind: &Kind, drips: bool) -> bool {
        if kind.then == Then::ReadByte && !drips {
            return true;
        }
        let mut buffer = [0; 4096];
        let limit = if kind.then == Then::ReadByte { 1 } else { buffer.len() };
        loop {
            match self.stream.read(&mut buffer[..limit]) {
                Ok(0) => return false,
                Ok(count) if kind.then == Then::Pings => {
                    self.received.extend_from_slice(&buffer[..count]);
                    self.take_frames();
                }
                Ok(_) if kind.then == Then::ReadByte => return true,
                Ok(_) if kind.then == Then::Again && self.sent == kind.begin.len() => {
                    self.sent = 0;
                    return self.send(kind, false);
                }
                Ok(_) => {}
                Err(error) => return is_pending(&error),
            }
        }
    }

    /// Responds to pings and settings, and discards all other frames.
    fn take_frames(&mut self) {
        while self.received.len() >= 9 {
            let length = u32::from_be_bytes([0, self.received[0], self.received[1], self.received[2]]) as usize;
            if length > MAX_FRAME || self.received.len() < 9 + length {
                return;
            }
            let frame_bytes: Vec<u8> = self.received.drain(..9 + length).collect();
            match (frame_bytes[3], frame_bytes[4] & 1) {
                (6, 0) => self.answer.extend(frame(6, 1, 0, &frame_bytes[9..])),
                (4, 0) => self.answer.extend(frame(4, 1, 0, &[])),
                _ => {}
            }
        }
    }
}

fn is_pending(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected)
}
