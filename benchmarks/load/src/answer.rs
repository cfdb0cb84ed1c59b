//! Parses responses: status, cookies and body. It supports only the parts of HTTP that the measured servers use.

use memchr::memmem;

/// A complete response.
pub struct Answer<'a> {
    pub status: u16,
    /// `name=value` from each Set-Cookie header.
    pub cookies: Vec<&'a [u8]>,
    pub body: &'a [u8],
    /// The length of the response in bytes.
    pub length: usize,
}

impl<'a> Answer<'a> {
    /// Parses the response at the beginning of `bytes`. Returns `None` if it is incomplete.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, &'static str> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let mut lines = Lines(&bytes[..end + 2]);
        let status = lines.next().and_then(|line| number(line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?));
        let status = status.ok_or("not an HTTP/1.1 response")?;
        let (mut content_length, mut cookies) = (None, Vec::new());
        for line in lines {
            if let Some(value) = header(line, b"content-length") {
                content_length = number(value);
            } else if let Some(value) = header(line, b"set-cookie") {
                cookies.extend(value.split(|byte| *byte == b';').next());
            }
        }
        let content_length = usize::try_from(content_length.ok_or("a response without Content-Length")?).map_err(|_| "a huge response")?;
        let length = end + 4 + content_length;
        let Some(body) = bytes.get(end + 4..length) else { return Ok(None) };
        Ok(Some(Answer { status: u16::try_from(status).unwrap_or(0), cookies, body, length }))
    }

    /// Returns the body as a number.
    pub fn number(&self) -> Option<u64> {
        number(self.body)
    }
}

/// Lines that end with CR LF.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\r', self.0)?;
        let line = &self.0[..end];
        self.0 = self.0.get(end + 2..)?;
        Some(line)
    }
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (begin, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    begin.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn number(digits: &[u8]) -> Option<u64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Answer;

    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nset-cookie: id=a=b; Path=/\r\n\r\n42";

    #[test]
    fn a_response_is_parsed_once_it_is_complete() {
        for cut in 0..RESPONSE.len() {
            assert!(Answer::parse(&RESPONSE[..cut]).unwrap().is_none());
        }
        let answer = Answer::parse(RESPONSE).unwrap().unwrap();
        assert_eq!((answer.status, &answer.cookies[..], answer.number()), (200, &[&b"id=a=b"[..]][..], Some(42)));
        assert_eq!(answer.length, RESPONSE.len());
    }

    #[test]
    fn unsupported_responses_are_errors() {
        assert!(Answer::parse(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").is_err());
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
