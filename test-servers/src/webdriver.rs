//! The protocol in which programs drive browsers, as far as tests need it: <https://www.w3.org/TR/webdriver2/>.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// After this a test that went wrong ends, instead of hanging.
const LIMIT: Duration = Duration::from_secs(120);

/// Sends one command, and returns the `value` of the answer.
pub(crate) fn command(port: u16, method: &str, path: &str, body: Option<&Value>) -> io::Result<Value> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = BufReader::new(stream);
    let status = line(&mut answer)?;
    let mut length = 0;
    loop {
        let header = line(&mut answer)?;
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
    answer.read_exact(&mut body)?;
    let mut answer: Value = serde_json::from_slice(&body)?;
    let value = answer["value"].take();
    match status.split(' ').nth(1) {
        Some("200") => Ok(value),
        // What went wrong, without ChromeDriver's addresses in memory.
        _ => Err(io::Error::other(value["message"].as_str().map_or_else(|| value.to_string(), str::to_owned))),
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
