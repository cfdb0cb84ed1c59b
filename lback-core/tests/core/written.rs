//! Responses whose body a function writes while they are sent.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use lback_core::testing::Client;
use lback_core::{Error, Method, Request, Response, Router};

use crate::app_with;

const MIB: usize = 1024 * 1024;

#[test]
fn the_body_is_what_the_function_writes() {
    let lines = |req: &mut Request| {
        Response::written(req, "text/csv; charset=utf-8", |out| {
            for n in 0..100_000 {
                writeln!(out, "{n}")?;
            }
            Ok(())
        })
    };
    let empty = |req: &mut Request| Response::written(req, "text/csv", |_| Ok(()));
    let app = || app_with(Router::new().get("/lines", lines).get("/empty", empty), "");
    for client in [Client::new(app()), Client::over_socket(app()).unwrap()] {
        let response = client.get("/lines").send();
        assert_eq!(response.assert_status(200).header("content-type"), Some("text/csv; charset=utf-8"));
        assert!(response.text().lines().enumerate().all(|(n, line)| line == n.to_string()));
        assert_eq!(response.text().lines().count(), 100_000);
        assert_eq!(client.get("/empty").send().assert_status(200).text(), "");
    }
}

#[test]
fn what_is_flushed_is_sent_at_once() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let urls = Router::new().get("/", move |req: &mut Request| {
        let wait = wait.clone();
        Response::written(req, "text/plain", move |out| {
            out.write_all(b"first")?;
            out.flush()?;
            wait.lock().unwrap().recv_timeout(Duration::from_secs(60))?;
            Ok(out.write_all(b"second")?)
        })
    });
    let client = Client::over_socket(app_with(urls, "")).unwrap();
    let mut stream = request(&client, "GET");
    read_until(&mut stream, "first");
    go_on.send(()).unwrap();
    read_until(&mut stream, "second");
}

/// The client must see a broken connection, not a response that looks complete.
#[test]
fn a_body_that_fails_is_not_complete() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let failing = move |panics: bool| {
        let wait = wait.clone();
        move |req: &mut Request| {
            let wait = wait.clone();
            Response::written(req, "text/plain", move |out| {
                out.write_all(b"a part")?;
                out.flush()?;
                wait.lock().unwrap().recv_timeout(Duration::from_secs(60))?;
                assert!(!panics, "out of ink");
                Err(Error::internal("out of paper"))
            })
        }
    };
    let urls = Router::new().get("/", failing(false)).post("/", failing(true)).get("/other", |_: &mut Request| "well");
    let client = Client::over_socket(app_with(urls, "")).unwrap();
    for method in ["GET", "POST"] {
        let mut stream = request(&client, method);
        read_until(&mut stream, "a part");
        go_on.send(()).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{rest:?}");
        client.get("/other").send().assert_status(200);
    }
}

/// An endless body ends with its client, and is never far ahead of it.
#[test]
fn the_function_waits_for_the_client() {
    let (ended, end) = mpsc::channel();
    let written = Arc::new(AtomicUsize::new(0));
    let counter = written.clone();
    let urls = Router::new().get("/", move |req: &mut Request| {
        let (ended, counter) = (ended.clone(), counter.clone());
        Response::written(req, "text/plain", move |out| {
            loop {
                if let Err(error) = out.write_all(&[b'x'; 1024]) {
                    let _ = ended.send(error.kind());
                    return Err(error.into());
                }
                counter.fetch_add(1024, Ordering::SeqCst);
            }
        })
    });
    let client = Client::over_socket(app_with(urls, "")).unwrap();
    let mut stream = request(&client, "GET");
    let mut piece = vec![0; 64 * MIB];
    stream.read_exact(&mut piece).unwrap();
    let ahead = written.load(Ordering::SeqCst).saturating_sub(piece.len());
    assert!(ahead < 16 * MIB, "{} MiB ahead", ahead / MIB);
    drop(stream);
    assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok(ErrorKind::BrokenPipe));
}

/// The client hangs up before anything is written.
#[test]
fn the_function_can_ask_for_the_client() {
    let (ended, end) = mpsc::channel();
    let urls = Router::new().get("/", move |req: &mut Request| {
        let ended = ended.clone();
        Response::written(req, "text/plain", move |out| {
            loop {
                if let Err(error) = out.check_connected() {
                    let _ = ended.send(error.kind());
                    return Err(error.into());
                }
                std::thread::yield_now();
            }
        })
    });
    let client = Client::over_socket(app_with(urls, "")).unwrap();
    let mut stream = request(&client, "GET");
    read_until(&mut stream, "200 OK");
    drop(stream);
    assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok(ErrorKind::BrokenPipe));
}

#[test]
fn a_body_that_nobody_reads_is_never_written() {
    let started = Arc::new(AtomicUsize::new(0));
    let counter = started.clone();
    let urls = Router::new().get("/", move |req: &mut Request| {
        let counter = counter.clone();
        Response::written(req, "text/plain", move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    });
    let client = Client::over_socket(app_with(urls, "")).unwrap();
    for _ in 0..100 {
        client.request(Method::HEAD, "/").send().assert_status(200);
    }
    assert_eq!(started.load(Ordering::SeqCst), 0);
    client.get("/").send().assert_status(200);
    assert_eq!(started.load(Ordering::SeqCst), 1);
}

#[test]
fn thirty_two_are_written_at_the_same_time() {
    let endless = |req: &mut Request| {
        Response::written(req, "text/plain", |out| {
            loop {
                out.write_all(&[b'x'; 1024])?;
            }
        })
    };
    let urls = Router::new().get("/", endless).get("/other", |_: &mut Request| "well");
    let client = Client::over_socket(app_with(urls, "")).unwrap();
    let mut streams: Vec<TcpStream> = (0..32).map(|_| request(&client, "GET")).collect();
    for stream in &mut streams {
        read_until(stream, "200 OK");
    }
    client.get("/").send().assert_status(503).header("retry-after").unwrap();
    client.get("/other").send().assert_status(200);
    drop(streams);
    let again = (0..10_000).any(|_| {
        let mut stream = request(&client, "GET");
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        status.ends_with(b"200")
    });
    assert!(again);
}

fn request(client: &Client, method: &str) -> TcpStream {
    let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("{method} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").as_bytes()).unwrap();
    stream
}

fn read_until(stream: &mut TcpStream, text: &str) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(text.as_bytes()) {
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
}
