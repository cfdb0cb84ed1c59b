//! The sessions of requests, and random numbers.

use crate::answer::Answer;

/// A session on the side of the client.
#[derive(Default)]
pub struct Session {
    /// The cookies as `name=value`.
    cookies: Vec<Vec<u8>>,
    /// The form that its requests send, if any.
    form: Option<String>,
    request: Vec<u8>,
    /// The number of updates that got a response with 200.
    pub acknowledged: u64,
    /// The number of updates in the server's session at the end.
    pub counted: u64,
}

impl Session {
    /// Creates a session that sends a form.
    pub fn sending(form: String) -> Self {
        Session { form: Some(form), ..Session::default() }
    }

    /// Makes later requests send a form.
    pub fn send(&mut self, form: String) {
        self.form = Some(form);
    }

    /// Makes later requests send no form.
    pub fn send_nothing(&mut self) {
        self.form = None;
    }

    /// Stores the cookies of a response, which replace those with the same name. `path` is the path of this session's
    /// requests.
    pub fn keep_cookies(&mut self, answer: &Answer, path: &str) {
        let mut changed = false;
        for cookie in &answer.cookies {
            let name = |cookie: &[u8]| cookie.iter().position(|byte| *byte == b'=').unwrap_or(cookie.len());
            let same = self.cookies.iter_mut().find(|held| held[..name(held)] == cookie[..name(cookie)]);
            match same {
                Some(held) if held == cookie => continue,
                Some(held) => *held = cookie.to_vec(),
                None => self.cookies.push(cookie.to_vec()),
            }
            changed = true;
        }
        if changed {
            self.prepare(path);
        }
    }

    pub fn has_cookie(&self) -> bool {
        !self.cookies.is_empty()
    }

    /// Prepares the request for `path` with this session's cookies.
    pub fn prepare(&mut self, path: &str) {
        self.request = request(path, &self.cookies.join(&b"; "[..]), self.form.as_deref());
    }

    pub fn request(&self) -> &[u8] {
        &self.request
    }
}

/// Returns the bytes of a request: a GET, or a POST of a form.
pub fn request(path: &str, cookie: &[u8], form: Option<&str>) -> Vec<u8> {
    let method = if form.is_some() { "POST" } else { "GET" };
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n").into_bytes();
    if !cookie.is_empty() {
        request.extend_from_slice(b"Cookie: ");
        request.extend_from_slice(cookie);
        request.extend_from_slice(b"\r\n");
    }
    if let Some(form) = form {
        let length = form.len();
        request.extend_from_slice(format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n").as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(form.unwrap_or_default().as_bytes());
    request
}

/// Pseudo-random numbers (xorshift), which are the same in every run.
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
