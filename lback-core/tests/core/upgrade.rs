//! Upgrades to other protocols.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lback_core::middleware::{BodyReader, CsrfMiddleware, Errors, Slot};
use lback_core::testing::{Client, block_on};
use lback_core::{Application, Error, Next, Request, Response, Result, Router, Upgraded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{connect, connect_to, read_all, read_until, start};
use crate::{app, app_with, assemble};

const HANDSHAKE: &str = "GET /echo HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n";

/// Answers each chunk with itself until the client or the server ends.
async fn echo(mut connection: Upgraded) {
    let stopping = connection.stopping();
    let work = async {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = connection.read(&mut buffer).await {
            connection.write_all(&buffer[..read]).await.unwrap();
        }
        connection
    };
    let stopped = tokio::select! {
        _ = work => false,
        () = stopping => true,
    };
    STOPPED.fetch_add(usize::from(stopped), Ordering::SeqCst);
}

static STOPPED: AtomicUsize = AtomicUsize::new(0);

async fn panics(_: Upgraded) {
    panic!("oh")
}

async fn never_ends(connection: Upgraded) {
    std::future::pending::<()>().await;
    drop(connection);
}

fn router() -> Router {
    Router::new()
        .get("/echo", |req: &mut Request| Response::upgrade(req, "echo", echo))
        .post("/echo", |req: &mut Request| Response::upgrade(req, "echo", echo))
        .get("/panics", |req: &mut Request| Response::upgrade(req, "echo", panics))
        .get("/never", |req: &mut Request| Response::upgrade(req, "echo", never_ends))
        .get("/hello", |_: &mut Request| "hello")
}

fn application(toml: &str) -> Arc<Application> {
    app_with(router(), toml)
}

fn over_socket() -> Client {
    Client::over_socket(application("")).unwrap()
}

#[track_caller]
fn assert_echo(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    read_until(stream, text);
}

#[track_caller]
fn upgraded(mut stream: TcpStream, handshake: &str) -> TcpStream {
    stream.write_all(handshake.as_bytes()).unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\n") && head.contains("\r\nupgrade: echo\r\n"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    stream
}

#[test]
fn a_connection_switches_to_another_protocol() {
    let client = over_socket();
    // Proxies write the headers in several ways.
    for headers in [
        "connection: Upgrade\r\nupgrade: echo",
        "connection: keep-alive, Upgrade\r\nupgrade: other, ECHO",
        "connection: keep-alive\r\nconnection:upgrade ,\r\nupgrade: other\r\nupgrade:echo",
    ] {
        let handshake = format!("GET /echo HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n");
        let mut stream = upgraded(connect(&client), &handshake);
        assert_echo(&mut stream, "hello");
        assert_echo(&mut stream, "again");
    }
}

#[test]
fn what_follows_the_handshake_immediately_is_not_lost() {
    let client = over_socket();
    let long = "x".repeat(100_000);
    let mut stream = upgraded(connect(&client), &format!("{HANDSHAKE}early"));
    read_until(&mut stream, "early");
    let mut reader = stream.try_clone().unwrap();
    let read = std::thread::spawn(move || {
        let mut bytes = vec![0; 100_000];
        reader.read_exact(&mut bytes).unwrap();
        bytes
    });
    stream.write_all(long.as_bytes()).unwrap();
    assert_eq!(read.join().unwrap(), long.as_bytes());
}

#[test]
fn a_request_before_the_handshake_uses_the_same_connection() {
    let client = over_socket();
    let mut stream = connect(&client);
    for _ in 0..2 {
        stream.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        read_until(&mut stream, "hello");
    }
    // An offer to upgrade that the view ignores.
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n").unwrap();
    assert!(read_until(&mut stream, "hello").starts_with("HTTP/1.1 200"));
    assert_echo(&mut upgraded(stream, HANDSHAKE), "hi");
}

#[test]
fn requests_that_do_not_ask_for_the_protocol_are_told_so() {
    let client = over_socket();
    for headers in ["", "upgrade: echo\r\n", "connection: upgrade\r\n", "connection: upgrade\r\nupgrade: echo2\r\n"] {
        let mut stream = connect(&client);
        write!(stream, "GET /echo HTTP/1.1\r\nhost: a\r\n{headers}\r\n").unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").to_lowercase();
        assert!(head.starts_with("http/1.1 426 ") && head.contains("upgrade: echo"), "{headers:?}: {head}");
    }
    let mut stream = connect(&client);
    stream.write_all(HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0").as_bytes()).unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.0 426 "), "{answer}");
    client.get("/echo").send().assert_status(426).assert_contains("Connect over HTTP/1.1 with Upgrade: echo");
}

#[test]
fn an_upgrade_has_no_body() {
    let client = over_socket();
    for body in ["content-length: 3\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
        let mut stream = connect(&client);
        write!(stream, "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n{body}").unwrap();
        assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 400 "), "{body:?}");
    }
    let mut stream = connect(&client);
    write!(stream, "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\ncontent-length: 0\r\n\r\n").unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 101 "));
}

#[test]
fn http_2_has_no_upgrades() {
    let client = over_socket();
    let addr = client.addr().unwrap();
    let status = block_on(async {
        let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get("http://a/echo").body(Empty::<Bytes>::new()).unwrap();
        sender.send_request(request).await.unwrap().status()
    });
    assert_eq!(status, 426);
}

#[test]
fn an_upgraded_connection_may_be_quiet() {
    let client =
        Client::over_socket(application("HEADER_TIMEOUT_SECONDS = 1\nBODY_TIMEOUT_SECONDS = 1\nREQUEST_TIMEOUT_SECONDS = 1")).unwrap();
    let mut stream = upgraded(connect(&client), HANDSHAKE);
    // A connection that waits for a request is closed within this time.
    let mut idle = connect(&client);
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert!(read_all(idle).ends_with("hello"));
    std::thread::sleep(Duration::from_millis(1500));
    assert_echo(&mut stream, "still here");
}

#[test]
fn an_upgraded_connection_counts_as_a_connection() {
    let client = Client::over_socket(application("MAX_CONNECTIONS = 1")).unwrap();
    let mut stream = upgraded(connect(&client), HANDSHAKE);
    let mut waiting = connect(&client);
    waiting.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    waiting.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(waiting.read(&mut [0]).is_err(), "it should wait");
    assert_echo(&mut stream, "one");
    drop(stream);
    waiting.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert!(read_all(waiting).ends_with("hello"));
}

#[test]
fn an_upgraded_connection_is_told_that_the_server_stops() {
    let (addr, stop, served) = start(application(""));
    let before = STOPPED.load(Ordering::SeqCst);
    let stream = upgraded(connect_to(addr), HANDSHAKE);
    stop.send(()).unwrap();
    assert_eq!(read_all(stream), "");
    block_on(served).unwrap().unwrap();
    assert!(STOPPED.load(Ordering::SeqCst) > before);
}

#[test]
fn one_that_does_not_end_is_cut_off_with_the_requests() {
    let (addr, stop, served) = start(application("SHUTDOWN_TIMEOUT_SECONDS = 1"));
    let stream = upgraded(connect_to(addr), &HANDSHAKE.replace("/echo", "/never"));
    let begin = Instant::now();
    stop.send(()).unwrap();
    assert_eq!(read_all(stream), "");
    block_on(served).unwrap().unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_panic_ends_only_its_connection() {
    let client = over_socket();
    let stream = upgraded(connect(&client), &HANDSHAKE.replace("/echo", "/panics"));
    assert_eq!(read_all(stream), "");
    assert_echo(&mut upgraded(connect(&client), HANDSHAKE), "fine");
}

#[test]
fn a_middleware_can_replace_the_response() {
    async fn refuse(req: &mut Request, next: Next<'_>) -> Result<Response> {
        let response = next.run(req).await?;
        assert_eq!(response.status(), 101);
        Err(Error::forbidden("no"))
    }
    async fn hide(req: &mut Request, next: Next<'_>) -> Result<Response> {
        Ok(next.run(req).await?.with_status(lback_core::StatusCode::OK))
    }
    let upgrade = |req: &mut Request| Response::upgrade(req, "echo", panics);
    let router = Router::new().get("/refused", upgrade).middleware(refuse).get("/hidden", upgrade).middleware(hide);
    let client = Client::over_socket(app(router)).unwrap();
    for (path, status) in [("/refused", 403), ("/hidden", 200)] {
        let (response, connection) = client.get(path).upgrade("echo").unwrap();
        response.assert_status(status);
        assert!(connection.is_none());
    }
}

#[test]
fn tests_can_use_an_upgraded_connection() {
    for client in [Client::new(application("")), over_socket()] {
        let (response, connection) = client.get("/echo").upgrade("echo").unwrap();
        response.assert_status(101);
        let mut connection = connection.unwrap();
        block_on(async {
            connection.write_all(b"hello").await.unwrap();
            let mut answer = [0; 5];
            connection.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"hello");
        });
        let (response, connection) = client.get("/hello").upgrade("echo").unwrap();
        response.assert_status(200);
        assert!(connection.is_none());
    }
}

#[test]
fn a_visitor_can_be_looked_at_later() {
    async fn guard(req: &mut Request, next: Next<'_>) -> Result<Response> {
        match req.cookies().get("role") {
            Some("admin") => next.run(req).await,
            _ => Err(Error::forbidden("Admins only")),
        }
    }
    async fn counts(req: &mut Request, next: Next<'_>) -> Result<Response> {
        COUNT.fetch_add(1, Ordering::SeqCst);
        next.run(req).await
    }
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let visitors = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = visitors.clone();
    let view = move |req: &mut Request| {
        seen.lock().unwrap().push(req.visitor());
        "seen"
    };
    // A look is no attempt to post again.
    let router = Router::new().post("/room/{id}", view).middleware(guard);
    let client = Client::new(
        assemble(router, "", |stack| {
            stack
                .place(Slot::Errors, Errors)
                .place(Slot::Body, BodyReader)
                .place(Slot::Csrf, CsrfMiddleware::new())
                .place(Slot::App, counts)
        })
        .unwrap(),
    );
    client.post("/room/7").header("cookie", "role=admin").send().assert_status(200);
    let visitor = visitors.lock().unwrap().pop().unwrap();
    let look = |req: &mut Request| {
        let role = req.cookies().get("role").map(str::to_owned);
        Ok(format!("{} {} {role:?}", req.method(), req.param::<u8>("id")?))
    };
    assert_eq!(block_on(visitor.look(look)).unwrap(), "GET 7 Some(\"admin\")");
    let failed: Result<()> = block_on(visitor.look(|_| Err(Error::not_found("gone"))));
    assert_eq!(failed.unwrap_err().status(), 404);
    let panicked: Result<()> = block_on(visitor.look(|_| panic!("oh")));
    assert!(panicked.unwrap_err().is_panic());
    // The middleware of the application has run each time.
    assert_eq!(COUNT.load(Ordering::SeqCst), 4);
}
