//! The part of the WebDriver protocol that the tests need: <https://www.w3.org/TR/webdriver2/>.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A time limit that keeps failed tests from hanging.
const LIMIT: Duration = Duration::from_secs(120);

/// Sends one command and returns the `value` of the response.
pub(crate) fn command(port: u16, method: &str, path: &str, body: Option<&Value>) -> io::Result<Value> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut response = BufReader::new(stream);
    let status = line(&mut response)?;
    let mut length = 0;
    loop {
        let header = line(&mut response)?;
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    response.read_exact(&mut body)?;
    let mut response: Value = serde_json::from_slice(&body)?;
    let value = response["value"].take();
    match status.split(' ').nth(1) {
        Some("200") => Ok(value),
        // The message, without ChromeDriver's stack trace of memory addresses.
        _ => Err(io::Error::other(value["message"].as_str().map_or_else(|| value.to_string(), str::to_owned))),
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
