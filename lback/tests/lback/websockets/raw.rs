//! A client that sends any bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use lback::testing::Client;

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
/// The bit of the last frame of a message.
pub const FIN: u8 = 0x80;

const KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// Returns a frame as clients send it. `first` has the opcode and the bits before it.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = unmasked(first, payload);
    frame[1] |= 0x80;
    let start = frame.len() - payload.len();
    frame.splice(start..start, KEY);
    for (at, byte) in frame[start + 4..].iter_mut().enumerate() {
        *byte ^= KEY[at % 4];
    }
    frame
}

/// Returns a frame as servers send it.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(length as u8),
        length @ 126..0x10000 => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// The payload of a close frame.
pub fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

pub struct Raw(pub TcpStream);

impl Raw {
    /// Opens a socket.
    #[track_caller]
    pub fn open(client: &Client, path: &str) -> Self {
        let (raw, head) = Self::ask(client, path, "");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// Asks for a socket with more headers, and does not wait for the response.
    pub fn begin(client: &Client, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
        // Prevents a failing test from hanging.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        let version = if headers.contains("version") { "" } else { "sec-websocket-version: 13\r\n" };
        let key = if headers.contains("key") { "" } else { "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" };
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n{version}{key}{headers}\r\n"
        )
        .unwrap();
        stream
    }

    /// Asks for a socket with more headers, and returns the head of the response.
    pub fn ask(client: &Client, path: &str, headers: &str) -> (Self, String) {
        let mut stream = Raw::begin(client, path, headers);
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            head.push(byte[0]);
        }
        (Raw(stream), String::from_utf8(head).unwrap())
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // The server may have closed the connection meanwhile.
        let _ = self.0.write_all(bytes);
    }

    pub fn text(&mut self, text: &str) {
        self.send(&frame(FIN | TEXT, text.as_bytes()));
    }

    /// Returns the opcode and the payload of the next frame, or `None` at the end of the connection.
    pub fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).ok()?;
        assert_eq!(head[0] & 0xf0, FIN, "the server sends no fragments and no reserved bits");
        let length = match head[1] {
            length @ 0..126 => usize::from(length),
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).ok()?;
                usize::from(u16::from_be_bytes(length))
            }
            _ => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length).ok()?;
                usize::try_from(u64::from_be_bytes(length)).unwrap()
            }
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).ok()?;
        Some((head[0] & 0xf, payload))
    }

    #[track_caller]
    pub fn assert_text(&mut self, text: &str) {
        let (opcode, payload) = self.read().unwrap();
        assert_eq!((opcode, String::from_utf8_lossy(&payload).as_ref()), (TEXT, text));
    }

    /// Reads until the end of the connection, and returns the code and the reason of the close frame; the code is 1006 if there is none,
    /// and 1005 if it has no code.
    pub fn closed(&mut self) -> (u16, String) {
        let mut closed = (1006, String::new());
        while let Some((opcode, payload)) = self.read() {
            if opcode == CLOSE {
                closed = match payload.as_slice() {
                    [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), String::from_utf8(reason.to_vec()).unwrap()),
                    _ => (1005, String::new()),
                };
            }
        }
        closed
    }
}
