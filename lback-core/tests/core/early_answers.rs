//! Responses that are sent before the whole body has arrived: clients that send everything before they read receive them, too.

use std::io::{Read, Write};
use std::net::TcpStream;

use lback_core::middleware::{BodyReader, Errors};
use lback_core::testing::Client;
use lback_core::{Error, Middleware, Next, Request, Response, Result, Router};

use crate::server::{connect, read_all, read_until};
use crate::{app, app_with, assemble};

const SIZE: usize = 40_000_000;

fn urls() -> Router {
    Router::new()
        .post("/", |req: &mut Request| req.body().len().to_string())
        .post("/unread", async |_: &mut Request| "not read")
        .streaming()
}

/// Sends a request with a body of `SIZE` bytes before it reads the response.
fn answer_to(client: &Client, head: &str, is_chunked: bool) -> String {
    let mut stream = connect(client);
    send_all(&mut stream, head, is_chunked).expect("the server closed the connection before it had read everything");
    read_all(stream)
}

fn send_all(stream: &mut TcpStream, head: &str, is_chunked: bool) -> std::io::Result<()> {
    let framing = if is_chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {SIZE}") };
    stream.write_all(format!("{head} HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n").as_bytes())?;
    let part = vec![b'x'; SIZE / 40];
    for _ in 0..40 {
        if is_chunked {
            stream.write_all(format!("{:x}\r\n", part.len()).as_bytes())?;
        }
        stream.write_all(&part)?;
        if is_chunked {
            stream.write_all(b"\r\n")?;
        }
    }
    stream.write_all(if is_chunked { b"0\r\n\r\n" } else { b"" })
}

#[test]
fn a_refusal_reaches_a_client_that_sends_everything_before_it_reads() {
    let client = Client::over_socket(app(urls())).unwrap();
    for is_chunked in [false, true] {
        for (head, status) in [("POST /", 413), ("POST /nothing", 404), ("PUT /", 405), ("POST /unread", 200)] {
            let answer = answer_to(&client, head, is_chunked);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
        }
    }
}

#[test]
fn the_refusal_of_a_malformed_chunk_reaches_its_client() {
    let client = Client::over_socket(app(urls())).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nno size\r\n").unwrap();
    for _ in 0..40 {
        stream.write_all(&vec![b'x'; SIZE / 40]).unwrap();
    }
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn the_refusal_of_a_guard_reaches_its_client() {
    struct Guard;
    impl Middleware for Guard {
        async fn handle(&self, _: &mut Request, _: Next<'_>) -> Result<Response> {
            Err(Error::forbidden("not here"))
        }
    }
    let app = assemble(urls(), "", |stack| stack.push(Errors).push(Guard).push(BodyReader)).unwrap();
    let client = Client::over_socket(app).unwrap();
    let answer = answer_to(&client, "POST /", false);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[test]
fn the_refusal_of_headers_that_are_too_large_reaches_its_client() {
    let client = Client::over_socket(app_with(urls(), "MAX_HEADER_BYTES = 8192")).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").unwrap();
    for n in 0..1000 {
        stream.write_all(format!("x-{n}: {}\r\n", "x".repeat(1000)).as_bytes()).expect("the server keeps reading");
    }
    stream.write_all(b"\r\n").unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn a_client_that_expects_100_continue_is_refused_before_it_sends() {
    let client = Client::over_socket(app(urls())).unwrap();
    for (head, status) in [("POST /", "413"), ("POST /nothing", "404"), ("PUT /", "405")] {
        let mut stream = connect(&client);
        write!(stream, "{head} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {SIZE}\r\n\r\n").unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let mut stream = connect(&client);
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n").unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n3").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_client_that_never_stops_sending_is_cut_off() {
    let client = Client::over_socket(app(urls())).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"POST /nothing HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"100000\r\n", &vec![b'x'; 0x10_0000][..], b"\r\n"].concat();
    let sent = (0..1000).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!((60..1000).contains(&sent), "{sent} MiB");
}

#[test]
fn the_server_does_not_wait_for_a_silent_client() {
    let client = Client::over_socket(app(urls())).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"POST /nothing HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n").unwrap();
    read_until(&mut stream, "\r\n\r\n");
    // The server has closed its side and releases the connection, although the client keeps its own side open.
    std::io::copy(&mut (&stream).take(1 << 20), &mut std::io::sink()).unwrap();
    while stream.write_all(b"x").is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(2200));
    }
}
