//! Plain views that block, and everything else meanwhile.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use lback_core::testing::Client;
use lback_core::{Request, Result, Router, blocking};
use tokio::runtime::Handle;

use crate::app_with;
use crate::http2::Frames;
use crate::server::connect;

/// Lets views block while a test holds the lock `release`.
struct Gate {
    /// Gets a message from each view that has begun to block.
    entries: Receiver<()>,
    release: Arc<Mutex<()>>,
}

impl Gate {
    fn new() -> (Self, impl Fn(&mut Request) -> &'static str + Send + Sync + 'static) {
        let (entered, entries) = mpsc::channel();
        let release = Arc::new(Mutex::new(()));
        let gate = release.clone();
        let view = move |_: &mut Request| {
            entered.send(()).unwrap();
            drop(gate.lock());
            "released"
        };
        (Gate { entries, release }, view)
    }

    fn wait_for(&self, views: usize) {
        (0..views).for_each(|_| self.entries.recv().unwrap());
    }
}

fn send(connection: &mut TcpStream, method: &str, path: &str, body: &str) {
    write!(connection, "{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

/// Reads a response with a `Content-Length`, and returns its body.
fn receive(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn stuck_views_delay_neither_other_connections_nor_other_streams() {
    const STUCK: usize = 40;
    let (gate, stuck) = Gate::new();
    let router = Router::new()
        .get("/stuck", stuck)
        .get("/plain", |_: &mut Request| "plain")
        .get("/brief", |_: &mut Request| {
            thread::sleep(Duration::from_millis(5));
            "brief"
        })
        .get("/async", async |_: &mut Request| {
            tokio::task::yield_now().await;
            "async"
        })
        .get("/large", |_: &mut Request| "x".repeat(200_000))
        .post("/post", |req: &mut Request| req.body().len().to_string());
    let client = Client::over_socket(app_with(router, "MAX_BLOCKING_VIEWS = 60")).unwrap();
    let closed = gate.release.lock().unwrap();

    let mut shared = Frames::connect(&client, 1_000_000);
    (0..4).for_each(|stream| shared.get("/stuck", 2 * stream + 1));
    let mut blocked: Vec<TcpStream> = (4..STUCK).map(|_| connect(&client)).collect();
    blocked.iter_mut().for_each(|connection| send(connection, "GET", "/stuck", ""));
    gate.wait_for(STUCK);

    let (long, large) = ("y".repeat(100_000), "x".repeat(200_000));
    let requests: [(&str, &str, &str, &str); 5] = [
        ("GET", "/plain", "", "plain"),
        ("GET", "/brief", "", "brief"),
        ("GET", "/async", "", "async"),
        ("GET", "/large", "", &large),
        ("POST", "/post", &long, "100000"),
    ];
    let mut connections: Vec<TcpStream> = (0..150).map(|_| connect(&client)).collect();
    let mut http2: Vec<Frames> = (0..50).map(|_| Frames::connect(&client, 1_000_000)).collect();
    http2.iter_mut().for_each(|frames| frames.window_update(0, 10_000_000));
    for turn in 0..2 {
        for (number, connection) in connections.iter_mut().enumerate() {
            let (method, path, body, _) = requests[(number + turn) % 5];
            send(connection, method, path, body);
        }
        for (number, frames) in http2.iter_mut().enumerate() {
            for stream in 0..4 {
                frames.get(requests[(number + stream) % 4].1, stream_id(4 * turn + stream));
            }
        }
        for (number, connection) in connections.iter_mut().enumerate() {
            assert!(receive(connection) == requests[(number + turn) % 5].3, "{}", requests[(number + turn) % 5].1);
        }
        for (number, frames) in http2.iter_mut().enumerate() {
            let lengths = frames.lengths(4);
            for stream in 0..4 {
                let (_, path, _, body) = requests[(number + stream) % 4];
                assert_eq!(lengths.get(&stream_id(4 * turn + stream)), Some(&body.len()), "{path}");
            }
        }
        for stream in [50, 51].map(|number| stream_id(number + 2 * turn)) {
            shared.get("/plain", stream);
            assert_eq!(shared.body(stream).0, b"plain");
        }
    }

    drop(closed);
    blocked.iter_mut().for_each(|connection| assert_eq!(receive(connection), "released"));
}

fn stream_id(number: usize) -> u32 {
    2 * u32::try_from(number).unwrap() + 1
}

#[test]
fn plain_views_use_at_most_so_many_threads() {
    let seen: Arc<Mutex<HashSet<ThreadId>>> = Arc::default();
    let threads = seen.clone();
    let view = move |_: &mut Request| {
        threads.lock().unwrap().insert(thread::current().id());
        thread::sleep(Duration::from_millis(5));
        "done"
    };
    let client = Client::over_socket(app_with(Router::new().get("/", view), "MAX_BLOCKING_VIEWS = 6")).unwrap();
    let mut connections: Vec<TcpStream> = (0..100).map(|_| connect(&client)).collect();
    connections.iter_mut().for_each(|connection| send(connection, "GET", "/", ""));
    connections.iter_mut().for_each(|connection| assert_eq!(receive(connection), "done"));
    let used = seen.lock().unwrap().len();
    assert!((2..=6).contains(&used), "{used} threads");
}

#[test]
fn a_plain_view_may_wait_for_tasks() {
    let wait = |_: &mut Request| -> Result<String> {
        let task = tokio::spawn(async {
            tokio::task::yield_now().await;
            20
        });
        let first = Handle::current().block_on(task).unwrap();
        let second = Handle::current().block_on(blocking::on_thread(|| 22))?;
        Ok((first + second).to_string())
    };
    let app = app_with(Router::new().get("/", wait), "");
    Client::new(app.clone()).get("/").send().assert_contains("42");
    Client::over_socket(app).unwrap().get("/").send().assert_contains("42");
}

#[test]
fn a_view_beyond_its_timeout_is_answered_by_another_thread() {
    let (gate, stuck) = Gate::new();
    let router = Router::new().get("/stuck", stuck).timeout(Duration::from_millis(50)).get("/", |_: &mut Request| "next");
    let client = Client::over_socket(app_with(router, "MAX_BLOCKING_VIEWS = 2")).unwrap();
    let closed = gate.release.lock().unwrap();
    client.get("/stuck").send().assert_status(503);
    client.get("/").send().assert_contains("next");
    drop(closed);
    client.get("/").send().assert_contains("next");
}

#[test]
fn the_server_stops_while_a_view_is_stuck() {
    let (gate, stuck) = Gate::new();
    let client = Client::over_socket(app_with(Router::new().get("/stuck", stuck), "SHUTDOWN_TIMEOUT_SECONDS = 0")).unwrap();
    let closed = gate.release.lock().unwrap();
    let mut connection = connect(&client);
    send(&mut connection, "GET", "/stuck", "");
    gate.wait_for(1);
    // Waits for the server.
    drop(client);
    assert_eq!(crate::server::read_all(connection), "");
    drop(closed);
}

#[test]
fn as_many_views_wait_for_each_other_as_may_run() {
    const VIEWS: usize = 12;
    let barrier = Arc::new(Barrier::new(VIEWS));
    let view = move |_: &mut Request| {
        barrier.wait();
        "met"
    };
    let client = Client::over_socket(app_with(Router::new().get("/", view), "MAX_BLOCKING_VIEWS = 12")).unwrap();
    let mut connections: Vec<TcpStream> = (0..VIEWS).map(|_| connect(&client)).collect();
    connections.iter_mut().for_each(|connection| send(connection, "GET", "/", ""));
    connections.iter_mut().for_each(|connection| assert_eq!(receive(connection), "met"));
}
