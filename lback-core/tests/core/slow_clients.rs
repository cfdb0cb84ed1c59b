//! Clients that send or read almost nothing: their resources are released.

use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use lback_core::testing::Client;
use lback_core::{Assembly, Request, Response, Result, Router, StatusCode};

use crate::server::{connect, read_all, read_until};
use crate::{app_with, settings};

fn urls() -> Router {
    let count = async |req: &mut Request| -> Result<String> {
        let mut bytes = 0;
        while let Some(chunk) = req.body_mut().chunk().await? {
            bytes += chunk.len();
        }
        Ok(bytes.to_string())
    };
    Router::new()
        .get("/", |_: &mut Request| "hello")
        .post("/read", |req: &mut Request| req.body().len().to_string())
        .post("/files", |req: &mut Request| -> Result<String> { Ok(req.multipart()?.files().count().to_string()) })
        .post("/stream", count)
        .streaming()
}

fn client(toml: &str) -> Client {
    Client::over_socket(app_with(urls(), toml)).unwrap()
}

const FORM: &str = "content-type: multipart/form-data; boundary=b\r\n";
const FILE: &str = "--b\r\ncontent-disposition: form-data; name=f; filename=f\r\n\r\n";

#[test]
fn a_body_that_stalls_after_most_of_it_is_a_408() {
    let client = client("BODY_TIMEOUT_SECONDS = 1\nMAX_BODY_BYTES = 10_000_000");
    // Averaged over its whole life, each of these would be fast enough for an hour.
    for (path, header, begin) in [("/read", "", ""), ("/stream", "", ""), ("/files", FORM, FILE)] {
        let mut stream = connect(&client);
        write!(stream, "POST {path} HTTP/1.1\r\nhost: a\r\n{header}content-length: 9000000\r\n\r\n{begin}").unwrap();
        stream.write_all(&vec![b'x'; 4_000_000]).unwrap();
        let answer = read_all(stream);
        assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
    }
}

#[test]
fn a_body_that_trickles_is_a_408() {
    let client = client("BODY_TIMEOUT_SECONDS = 1");
    for path in ["/read", "/stream"] {
        let mut stream = connect(&client);
        write!(stream, "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n").unwrap();
        stream.set_nonblocking(true).unwrap();
        while stream.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock) {
            let _ = stream.write_all(b"x");
            std::thread::sleep(Duration::from_millis(20));
        }
        stream.set_nonblocking(false).unwrap();
        let answer = read_all(stream);
        assert!(answer.starts_with("TTP/1.1 408"), "{path}: {answer}");
    }
}

#[test]
fn a_body_that_keeps_arriving_may_take_longer_than_the_window() {
    let client = client("BODY_TIMEOUT_SECONDS = 2");
    for path in ["/read", "/stream"] {
        let mut stream = connect(&client);
        write!(stream, "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 80000\r\n\r\n").unwrap();
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(250));
            stream.write_all(&[b'x'; 8000]).unwrap();
        }
        assert!(read_until(&mut stream, "\r\n\r\n80000").starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_body_with_a_slow_view_is_not_too_slow() {
    let slow = async |req: &mut Request| -> Result<String> {
        let mut bytes = 0;
        while let Some(chunk) = req.body_mut().chunk().await? {
            if bytes == 0 {
                // This takes longer than the client may take.
                tokio::time::sleep(Duration::from_millis(1500)).await;
            }
            bytes += chunk.len();
        }
        Ok(bytes.to_string())
    };
    let client = Client::over_socket(app_with(Router::new().post("/", slow).streaming(), "BODY_TIMEOUT_SECONDS = 1")).unwrap();
    assert_eq!(client.post("/").body(vec![b'x'; 3_000_000]).send().text(), "3000000");
}

#[test]
fn a_header_that_trickles_ends_the_connection() {
    let client = client("HEADER_TIMEOUT_SECONDS = 1");
    let mut first = connect(&client);
    first.write_all(b"GET / HTTP/1.1\r\nx: ").unwrap();
    let mut later = connect(&client);
    later.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    read_until(&mut later, "hello");
    later.write_all(b"GET / HTTP/1.1\r\nx: ").unwrap();
    // A write fails some time after the server has closed the connection.
    for mut stream in [first, later] {
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn an_idle_connection_is_closed_for_a_waiting_one() {
    let client = client("MAX_CONNECTIONS = 1\nBODY_TIMEOUT_SECONDS = 1");
    let mut first = connect(&client);
    first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    read_until(&mut first, "hello");
    // Without others waiting, an idle connection is kept for 30 seconds.
    client.get("/").send().assert_status(200);
    assert_eq!(read_all(first), "");
}

/// An endless body that reports when it is dropped.
struct Endless(mpsc::Sender<()>);

impl Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; 64 * 1024])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_response_that_is_read_byte_by_byte_is_aborted() {
    let (dropped, drops) = mpsc::channel::<()>();
    let mut assembly = Assembly::new(
        Router::new().get("/", |req: &mut Request| -> Result<Response> {
            Ok(Response::body_stream(Endless(req.state::<mpsc::Sender<()>>()?.clone())).with_status(StatusCode::OK))
        }),
        settings("BODY_TIMEOUT_SECONDS = 1"),
    );
    assembly.state(dropped);
    let client = Client::over_socket(assembly.build().unwrap()).unwrap();
    let mut silent = connect(&client);
    silent.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut trickling = connect(&client);
    trickling.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    for _ in 0..2 {
        while drops.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
            trickling.read_exact(&mut [0]).unwrap();
        }
    }
}
