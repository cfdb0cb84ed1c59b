//! Clients that close their sending side after their last request and keep reading.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use lback_core::testing::Client;
use lback_core::{Assembly, Request, Response, Result, Router};

use crate::server::{connect, read_all};
use crate::{app, app_with, settings};

fn hello(_: &mut Request) -> &'static str {
    "hello"
}

fn urls() -> Router {
    let parts = |_: &mut Request| Response::stream((0..1000).map(|n| Ok::<_, std::io::Error>(format!("{n};{}\n", "x".repeat(1000)))));
    Router::new()
        .get("/", hello)
        .get("/empty", |_: &mut Request| ())
        .get("/large", |_: &mut Request| "x".repeat(5_000_000))
        .get("/parts", parts)
        .post("/length", |req: &mut Request| req.body().len().to_string())
}

/// Sends `text` and closes the sending side.
fn send(client: &Client, text: &str) -> TcpStream {
    let mut stream = connect(client);
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream
}

#[test]
fn a_client_that_closes_its_sending_side_gets_the_answer() {
    let client = Client::over_socket(app(urls())).unwrap();
    for _ in 0..20 {
        let answer = read_all(send(&client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    }
    let answer = read_all(send(&client, "GET / HTTP/1.0\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("hello"), "{answer}");
    let answer = read_all(send(&client, "GET /empty HTTP/1.1\r\nhost: a\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let answer = read_all(send(&client, "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nabcd"));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n4"), "{answer}");
    let answer = read_all(send(&client, "POST /length HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n3"), "{answer}");
    let answer = read_all(send(&client, "GET /large HTTP/1.1\r\nhost: a\r\n\r\n"));
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1.len(), 5_000_000);
    let answer = read_all(send(&client, "GET /parts HTTP/1.1\r\nhost: a\r\n\r\n"));
    assert!(answer.contains("\n999;") && answer.ends_with("\r\n0\r\n\r\n"), "the last of the parts is missing");
}

#[test]
fn all_requests_before_the_end_are_answered() {
    let client = Client::over_socket(app(urls())).unwrap();
    let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nxy";
    let answer = read_all(send(&client, &[get, post, get, "GET /empty HTTP/1.1\r\nhost: a\r\n\r\n", get].concat()));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 4, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 204").count(), 1, "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[test]
fn the_server_waits_for_a_slow_view() {
    let (began, begun) = mpsc::channel();
    let (release, released) = tokio::sync::watch::channel(false);
    struct View(mpsc::Sender<()>, tokio::sync::watch::Receiver<bool>);
    async fn view(req: &mut Request) -> Result<&'static str> {
        let View(began, released) = req.state::<View>()?;
        began.send(()).unwrap();
        let _ = released.clone().wait_for(|released| *released).await;
        Ok("slow")
    }
    let mut assembly = Assembly::new(Router::new().get("/", view), settings("HEADER_TIMEOUT_SECONDS = 1"));
    assembly.state(View(began, released));
    let client = Client::over_socket(assembly.build().unwrap()).unwrap();
    let mut stream = send(&client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    begun.recv().unwrap();
    // An idle connection would have been closed by then, but this one is not idle.
    stream.set_read_timeout(Some(std::time::Duration::from_millis(1500))).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    release.send(true).unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"), "{answer}");
}

#[test]
fn a_body_that_cannot_be_completed_is_refused() {
    let client = Client::over_socket(app(urls())).unwrap();
    for text in [
        "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab",
        "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n",
        "POST /length HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
    ] {
        let answer = read_all(send(&client, text));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    client.get("/").send().assert_status(200);
}

#[test]
fn a_connection_without_a_pending_request_ends_with_its_client() {
    let client = Client::over_socket(app(urls())).unwrap();
    assert_eq!(read_all(send(&client, "")), "");
    let mut idle = connect(&client);
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    crate::server::read_until(&mut idle, "hello");
    idle.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(idle), "");
    let answer = read_all(send(&client, "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT"));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
}

/// Events of which only the first one arrives. Reports when it is dropped.
pub(crate) struct Events(mpsc::Sender<()>, bool);

impl Events {
    pub(crate) fn new(dropped: mpsc::Sender<()>) -> Self {
        Events(dropped, false)
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        if std::mem::replace(&mut self.1, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"first")))))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn events_are_dropped_when_their_client_disconnects() {
    let (dropped, drops) = mpsc::channel();
    let dropped = std::sync::Mutex::new(dropped);
    let events = move |_: &mut Request| Response::body_stream(Events::new(dropped.lock().unwrap().clone()));
    let client = Client::over_socket(app_with(Router::new().get("/", events), "HEADER_TIMEOUT_SECONDS = 1")).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    crate::server::read_until(&mut stream, "first\r\n");
    drop(stream);
    drops.recv().unwrap();
}
