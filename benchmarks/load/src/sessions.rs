//! The sessions that requests are drawn from.

use crate::answer::Answer;

/// One session, as a browser would keep it.
#[derive(Default)]
pub struct Session {
    cookie: Vec<u8>,
    request: Vec<u8>,
    /// Updates that the server has answered with 200.
    pub acknowledged: u64,
    /// What the server says that it has counted, in the end.
    pub counted: u64,
}

impl Session {
    /// Takes a new cookie over. `path` is what this session's requests ask for.
    pub fn keep_cookie(&mut self, answer: &Answer, path: &str) {
        if let Some(cookie) = answer.cookie
            && cookie != self.cookie
        {
            self.cookie = cookie.to_owned();
            self.prepare(path);
        }
    }

    pub fn has_cookie(&self) -> bool {
        !self.cookie.is_empty()
    }

    /// The request for `path` with this session's cookie, ready to be sent.
    pub fn prepare(&mut self, path: &str) {
        self.request = request(path, &self.cookie);
    }

    pub fn request(&self) -> &[u8] {
        &self.request
    }
}

/// The bytes of a request.
pub fn request(path: &str, cookie: &[u8]) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n").into_bytes();
    if !cookie.is_empty() {
        request.extend_from_slice(b"Cookie: ");
        request.extend_from_slice(cookie);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Numbers that are the same in every run (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Widening multiplication maps the upper half of the state onto 0..end.
        ((self.0 >> 32) as usize * end) >> 32
    }
}
