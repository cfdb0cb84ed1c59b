//! The server, over real sockets.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lback_core::testing::{Client, block_on};
use lback_core::{Application, Assembly, Request, Response, Result, Router, StatusCode, server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{app, app_with, settings};

fn hello(_: &mut Request) -> &'static str {
    "hello"
}

fn length(req: &mut Request) -> String {
    req.body().len().to_string()
}

pub(crate) fn connect(client: &Client) -> TcpStream {
    connect_to(client.addr().unwrap())
}

pub(crate) fn connect_to(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    // Prevents a failing test from hanging.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Returns everything that the server sends until it closes the connection.
pub(crate) fn read_all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset also ends the data: the server closed the connection while something was still unread.
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until `end` has arrived.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with(end) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection ended after {text:?}");
        text.push(char::from(byte[0]));
    }
    text
}

/// Starts a server that the test stops itself.
pub(crate) fn start(app: Arc<Application>) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<Result<()>>) {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(server::serve(app, listener, async move { drop(stopped.await) }));
        (addr, stop, served)
    })
}

/// Waits until another task runs this future: until the connection's task has released the view.
pub(crate) fn until_moved() -> impl Future<Output = ()> {
    let first = tokio::task::id();
    std::future::poll_fn(move |_| if tokio::task::id() == first { Poll::Pending } else { Poll::Ready(()) })
}

#[test]
fn a_connection_serves_several_requests() {
    let client = Client::over_socket(app(Router::new().get("/", hello).post("/length", length))).unwrap();
    let mut stream = connect(&client);
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        assert!(read_until(&mut stream, "hello").starts_with("HTTP/1.1 200 OK"));
    }
    stream.write_all(b"POST /length HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n").unwrap();
    read_until(&mut stream, "\r\n\r\n7");
    // Two at once: the first is a 404 whose body is never read.
    stream.write_all(b"POST /no HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nxyGET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert!(read_until(&mut stream, "hello").starts_with("HTTP/1.1 404"));
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    assert!(read_all(stream).ends_with("hello"));
}

#[test]
fn http_1_0_is_answered() {
    let client = Client::over_socket(app(Router::new().get("/", hello))).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.0 200 OK") && answer.ends_with("hello"), "{answer}");
}

#[test]
fn http_2_is_answered_with_prior_knowledge() {
    let show = |req: &mut Request| format!("{:?} {} {}", req.host(), req.path_and_query(), req.body().len());
    let client = Client::over_socket(app(Router::new().any("/{x}", show))).unwrap();
    let addr = client.addr().unwrap();
    block_on(async {
        let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let ask = |n: usize| {
            let mut sender = sender.clone();
            async move {
                let uri = format!("http://example.com/{n}?q");
                let request = hyper::Request::post(uri).body(Full::new(Bytes::from(vec![0; n * 1000]))).unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.status(), 200);
                response.into_body().collect().await.unwrap().to_bytes()
            }
        };
        let answers = [tokio::spawn(ask(1)), tokio::spawn(ask(2)), tokio::spawn(ask(3))];
        for (n, answer) in (1..).zip(answers) {
            assert_eq!(answer.await.unwrap(), format!("Some(\"example.com\") /{n}?q {}", n * 1000));
        }
        drop(sender);
        connection.await.unwrap().unwrap();
    });
}

#[test]
fn http_1_that_arrives_letter_by_letter_is_answered() {
    let client = Client::over_socket(app(Router::new().post("/", length))).unwrap();
    let mut stream = connect(&client);
    // Its first letter could also start the preface of HTTP/2.
    stream.write_all(b"P").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    stream.write_all(b"OST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc").unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn headers_above_the_limit_are_refused() {
    let client = Client::over_socket(app_with(Router::new().get("/", hello), "MAX_HEADER_BYTES = 8192")).unwrap();
    client.get("/").header("x-large", "x".repeat(4000)).send().assert_status(200);
    let mut stream = connect(&client);
    let headers = format!("GET / HTTP/1.1\r\nhost: a\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    let _ = stream.write_all(headers.as_bytes());
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    client.get("/").send().assert_status(200);
}

#[test]
fn slow_and_silent_clients_are_cut_off() {
    let client = Client::over_socket(app_with(Router::new().get("/", hello), "HEADER_TIMEOUT_SECONDS = 1")).unwrap();
    let silent = connect(&client);
    let mut slow = connect(&client);
    slow.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").unwrap();
    let mut preface = connect(&client);
    preface.write_all(b"PRI * HTTP/2.0\r\n\r\nSM").unwrap();
    let mut idle = connect(&client);
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    read_until(&mut idle, "hello");
    let mut slow_later = connect(&client);
    slow_later.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT").unwrap();
    read_until(&mut slow_later, "hello");
    for stream in [silent, slow, preface, idle, slow_later] {
        let answer = read_all(stream);
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    client.get("/").send().assert_status(200);
}

#[test]
fn a_client_that_reads_slowly_gets_the_whole_response() {
    const SIZE: usize = 24 << 20;
    async fn export(_: &mut Request) -> String {
        "x".repeat(SIZE)
    }
    let client = Client::over_socket(app_with(Router::new().get("/", export), "HEADER_TIMEOUT_SECONDS = 1")).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    read_until(&mut stream, "\r\n\r\n");
    let (mut received, mut part) = (0, vec![0; 256 << 10]);
    while received < SIZE {
        // In total, this takes longer than a silent client may stay connected.
        std::thread::sleep(Duration::from_millis(25));
        stream.read_exact(&mut part[..(SIZE - received).min(256 << 10)]).unwrap();
        received += (SIZE - received).min(256 << 10);
    }
    assert!(part.iter().all(|byte| *byte == b'x'));
}

#[test]
fn a_body_that_does_not_arrive_is_a_408() {
    let client = Client::over_socket(app_with(Router::new().post("/", length), "BODY_TIMEOUT_SECONDS = 1")).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[test]
fn a_chunked_body_is_limited_too() {
    let client = Client::over_socket(app_with(Router::new().post("/", length), "MAX_BODY_BYTES = 10")).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nb\r\nabcdefghijk\r\n").unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// Disconnects so that the server notices at once: closing a socket with unread data resets the connection. The connection has
/// received a response that nothing has read.
fn disconnect(stream: TcpStream) {
    let mut byte = [0];
    assert_eq!(stream.peek(&mut byte).unwrap(), 1);
    drop(stream);
}

/// The channels from a view to its test.
struct Signals {
    began: mpsc::Sender<()>,
    ended: mpsc::Sender<String>,
}

/// Ends only once its client has disconnected.
async fn abandoned(req: &mut Request) -> Result<()> {
    let signals = req.state::<Signals>()?;
    signals.began.send(()).unwrap();
    until_moved().await;
    tokio::task::yield_now().await;
    signals.ended.send(req.path().to_owned()).unwrap();
    Ok(())
}

#[test]
fn a_view_runs_to_its_end_when_its_client_disconnects() {
    let (began, begun) = mpsc::channel();
    let (ended, end) = mpsc::channel();
    let mut assembly = Assembly::new(Router::new().get("/", hello).get("/view", abandoned), settings(""));
    assembly.state(Signals { began, ended });
    let client = Client::over_socket(assembly.build().unwrap()).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /view HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    begun.recv().unwrap();
    disconnect(stream);
    assert_eq!(end.recv().unwrap(), "/view");
}

#[test]
fn resetting_streams_does_not_make_room_for_more_views() {
    // The views wait; their client resets them and requests more on the same connection.
    let (began, begun) = mpsc::channel();
    let (release, released) = tokio::sync::watch::channel(false);
    struct Views(mpsc::Sender<()>, tokio::sync::watch::Receiver<bool>);
    async fn view(req: &mut Request) -> Result<()> {
        let Views(began, released) = req.state::<Views>()?;
        began.send(()).unwrap();
        let _ = released.clone().wait_for(|released| *released).await;
        Ok(())
    }
    let mut assembly = Assembly::new(Router::new().get("/", view).get("/hello", hello), settings(""));
    assembly.state(Views(began, released));
    let client = Client::over_socket(assembly.build().unwrap()).unwrap();
    let mut waiting = None;
    block_on(async {
        let stream = tokio::net::TcpStream::connect(client.addr().unwrap()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut ask = || tokio::spawn(sender.send_request(hyper::Request::get("http://a/").body(Full::new(Bytes::new())).unwrap()));
        let requests: Vec<_> = (0..128).map(|_| ask()).collect();
        for _ in 0..128 {
            while begun.try_recv().is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        requests.iter().for_each(JoinHandle::abort);
        waiting = Some(ask());
    });
    // This gives the 129th request time to arrive. It does not start before one of the others has ended.
    for _ in 0..50 {
        client.get("/hello").send().assert_status(200);
    }
    assert!(begun.try_recv().is_err());
    release.send(true).unwrap();
    assert_eq!(block_on(waiting.unwrap()).unwrap().unwrap().status(), 204);
}

#[test]
fn a_plain_view_and_its_middleware_run_to_their_end_when_the_client_disconnects() {
    let (began, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (passed, out) = mpsc::channel();
    let released = std::sync::Mutex::new(released);
    let view = move |_: &mut Request| {
        began.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
    };
    struct After(mpsc::Sender<u16>);
    impl lback_core::Middleware for After {
        async fn handle(&self, req: &mut Request, next: lback_core::Next<'_>) -> Result<Response> {
            let response = next.run(req).await?;
            self.0.send(response.status().as_u16()).unwrap();
            Ok(response)
        }
    }
    let client = Client::over_socket(app(Router::new().get("/", view).middleware(After(passed)))).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    begun.recv().unwrap();
    drop(stream);
    release.send(()).unwrap();
    assert_eq!(out.recv().unwrap(), 204);
}

#[test]
fn a_stop_finishes_requests_in_flight_and_accepts_no_new_ones() {
    let (began, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let view = move |_: &mut Request| {
        began.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        "finished"
    };
    let (addr, stop, served) = start(app(Router::new().get("/", view).get("/hello", hello)));
    let mut in_flight = connect_to(addr);
    in_flight.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    begun.recv().unwrap();
    let mut idle = connect_to(addr);
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    read_until(&mut idle, "hello");
    stop.send(()).unwrap();
    assert_eq!(read_all(idle), "", "an idle connection is closed");
    while TcpStream::connect(addr).is_ok() {
        std::thread::yield_now();
    }
    assert!(!served.is_finished());
    release.send(()).unwrap();
    let answer = read_all(in_flight);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
    block_on(served).unwrap().unwrap();
}

#[test]
fn a_stop_answers_the_first_request_of_a_connection_that_was_accepted() {
    let (addr, stop, served) = start(app(Router::new().get("/", hello)));
    let (mut fresh, mut other) = (connect_to(addr), connect_to(addr));
    other.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_until(&mut other, "hello");
    stop.send(()).unwrap();
    while TcpStream::connect(addr).is_ok() {
        std::thread::yield_now();
    }
    fresh.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // It is answered, and it is the last request.
    let answer = read_all(fresh);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
    block_on(served).unwrap().unwrap();
}

#[test]
fn a_stop_waits_for_views_whose_clients_have_disconnected() {
    let (began, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (ended, end) = mpsc::channel();
    let released = std::sync::Mutex::new(released);
    let view = move |_: &mut Request| {
        began.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        ended.send(()).unwrap();
    };
    let (addr, stop, served) = start(app(Router::new().get("/", view)));
    let mut stream = connect_to(addr);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    begun.recv().unwrap();
    drop(stream);
    stop.send(()).unwrap();
    while TcpStream::connect(addr).is_ok() {
        std::thread::yield_now();
    }
    assert!(!served.is_finished());
    release.send(()).unwrap();
    block_on(served).unwrap().unwrap();
    end.try_recv().unwrap();
}

#[test]
fn a_stop_does_not_wait_forever() {
    let (began, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let view = move |_: &mut Request| {
        began.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
    };
    let (addr, stop, served) = start(app_with(Router::new().get("/", view), "SHUTDOWN_TIMEOUT_SECONDS = 1"));
    let mut stream = connect_to(addr);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    begun.recv().unwrap();
    stop.send(()).unwrap();
    block_on(served).unwrap().unwrap();
    assert_eq!(read_all(stream), "");
    drop(release);
}

#[test]
fn garbage_ends_one_connection_only() {
    let client = Client::over_socket(app(Router::new().get("/", hello))).unwrap();
    let garbage: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS handshake \x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ];
    for bytes in garbage {
        let mut stream = connect(&client);
        let _ = stream.write_all(bytes);
        let answer = read_all(stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    // A request with both a length and chunks could hide a second request from a proxy: the chunks count, or it is refused.
    let mut stream = connect(&client);
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n")
        .unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
    client.get("/").send().assert_status(200);
}

#[test]
fn connections_above_the_limit_wait() {
    let client = Client::over_socket(app_with(Router::new().get("/", hello), "MAX_CONNECTIONS = 1")).unwrap();
    let mut first = connect(&client);
    first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    read_until(&mut first, "hello");
    let mut second = connect(&client);
    second.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    // The first connection is still served while the second waits, and the second is served once the first has ended.
    first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    read_until(&mut first, "hello");
    second.set_nonblocking(true).unwrap();
    assert_eq!(second.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    second.set_nonblocking(false).unwrap();
    drop(first);
    assert!(read_all(second).ends_with("hello"));
}

#[test]
fn many_connections_can_wait_to_be_accepted() {
    let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok().and_then(|text| text.trim().parse().ok());
    if limit.unwrap_or(0) < 1000 {
        return;
    }
    let client = Client::over_socket(app_with(Router::new().get("/", hello), "MAX_CONNECTIONS = 1")).unwrap();
    // If the queue is full, the system rejects a client, which tries again after a second.
    let connect = |_| TcpStream::connect_timeout(&client.addr().unwrap(), Duration::from_millis(900)).unwrap();
    let _streams: Vec<TcpStream> = (0..400).map(connect).collect();
}

#[test]
fn an_aborted_response_does_not_look_complete() {
    let broken = |_: &mut Request| {
        let parts = [Ok("first"), Err(std::io::Error::other("broken"))];
        Response::stream(parts)
    };
    let client = Client::over_socket(app(Router::new().get("/", broken))).unwrap();
    assert!(client.get("/").try_send().is_err());
    assert!(Client::new(client.app().clone()).get("/").try_send().is_err());
}

#[test]
fn a_panic_in_a_view_leaves_the_connection_open() {
    let view = |req: &mut Request| -> &'static str { req.header("x-live").map(|_| "alive").expect("on purpose") };
    let client = Client::over_socket(app(Router::new().get("/", view))).unwrap();
    let mut stream = connect(&client);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nx-live: 1\r\n\r\n").unwrap();
    assert!(read_until(&mut stream, "alive").starts_with("HTTP/1.1 500"));
    assert_eq!(client.get("/").send().status(), StatusCode::INTERNAL_SERVER_ERROR);
}
