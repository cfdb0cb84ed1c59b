//! HTTP/2, frame by frame, with clients that do not read what they have requested.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use lback_core::testing::Client;
use lback_core::{Assembly, Request, Response, Result, Router};

use crate::server::connect_to;
use crate::settings;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// An HTTP/2 client that does nothing automatically but answer pings.
pub(crate) struct Frames(TcpStream);

#[derive(Debug)]
struct Received {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frames {
    /// Connects, and gives every response a window of `window` bytes.
    pub(crate) fn connect(client: &Client, window: u32) -> Self {
        Self::connect_to(client.addr().unwrap(), window)
    }

    pub(crate) fn connect_to(addr: SocketAddr, window: u32) -> Self {
        let mut frames = Frames(connect_to(addr));
        frames.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        frames.send(SETTINGS, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat());
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        // The server may have closed the connection.
        let _ = self.0.write_all(&frame);
    }

    fn request(&mut self, method: &str, path: &str, stream: u32, flags: u8) {
        self.request_with(method, path, stream, flags, &[]);
    }

    /// Sends a request with these fields, which are encoded with HPACK.
    fn request_with(&mut self, method: &str, path: &str, stream: u32, flags: u8, fields: &[u8]) {
        let method: &[u8] = if method == "GET" { &[0x82] } else { &[0x83] };
        let path = [&[4, u8::try_from(path.len()).unwrap()], path.as_bytes()].concat();
        // :method, :scheme http, :path, :authority.
        let block = [method, &[0x86], &path, &[1, 1, b'a'], fields].concat();
        self.send(HEADERS, flags | END_HEADERS, stream, &block);
    }

    pub(crate) fn get(&mut self, path: &str, stream: u32) {
        self.request("GET", path, stream, END_STREAM);
    }

    pub(crate) fn window_update(&mut self, stream: u32, bytes: u32) {
        self.send(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
    }

    pub(crate) fn reset(&mut self, stream: u32) {
        const CANCEL: [u8; 4] = [0, 0, 0, 8];
        self.send(RESET, 0, stream, &CANCEL);
    }

    /// Returns the next frame that does not concern the connection itself, or `None` if the server has closed the connection.
    fn next(&mut self) -> Option<Received> {
        loop {
            let mut head = [0; 9];
            match self.0.read_exact(&mut head) {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => return None,
                Err(error) => panic!("{error}"),
            }
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).ok()?;
            let received =
                Received { kind: head[3], flags: head[4], stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload };
            match received.kind {
                PING if received.flags & ACK == 0 => self.send(PING, ACK, 0, &received.payload),
                SETTINGS if received.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]),
                PING | SETTINGS | WINDOW_UPDATE | GOAWAY => {}
                _ => return Some(received),
            }
        }
    }

    /// Reads until so many streams have ended. Returns the length of each body.
    pub(crate) fn lengths(&mut self, streams: usize) -> HashMap<u32, usize> {
        let mut lengths = HashMap::new();
        let mut ended = 0;
        while ended < streams {
            let frame = self.next().expect("every response arrives");
            assert_ne!(frame.kind, RESET);
            *lengths.entry(frame.stream).or_default() += if frame.kind == DATA { frame.payload.len() } else { 0 };
            ended += usize::from(frame.flags & END_STREAM != 0);
        }
        lengths
    }

    /// Reads until the stream's data ends with `end`.
    pub(crate) fn read_until(&mut self, stream: u32, end: &str) {
        let mut body = Vec::new();
        while !body.ends_with(end.as_bytes()) {
            let frame = self.next().expect("the connection stays open");
            if frame.stream == stream && frame.kind == DATA {
                body.extend_from_slice(&frame.payload);
            }
        }
    }

    /// Reads until the stream has ended or was reset. Returns the received data, and the payload of the reset.
    pub(crate) fn body(&mut self, stream: u32) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut body = Vec::new();
        while let Some(frame) = self.next() {
            if frame.stream == stream {
                match frame.kind {
                    DATA => body.extend_from_slice(&frame.payload),
                    RESET => return (body, Some(frame.payload)),
                    _ => {}
                }
                if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
                    return (body, None);
                }
            }
        }
        panic!("the connection ended before the stream")
    }
}

/// The number of existing bodies.
#[derive(Clone, Default)]
struct Bodies(Arc<AtomicUsize>);

/// A body that is counted.
struct Counted(Bodies, usize);

impl Counted {
    fn new(bodies: &Bodies, frames: usize) -> Self {
        bodies.0.fetch_add(1, Ordering::SeqCst);
        Counted(bodies.clone(), frames)
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let Some(left) = self.1.checked_sub(1) else { return Poll::Ready(None) };
        self.1 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; 10_000])))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Bytes that are counted while anything still uses them.
struct Page(Counted, Vec<u8>);

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        debug_assert_eq!(self.0.1, 0);
        &self.1
    }
}

fn page(bodies: &Bodies, size: usize) -> Bytes {
    Bytes::from_owner(Page(Counted::new(bodies, 0), vec![b'x'; size]))
}

impl Bodies {
    fn now(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn wait_for(&self, mut step: impl FnMut(), condition: impl Fn(usize) -> bool) {
        for _ in 0..6000 {
            if condition(self.now()) {
                return;
            }
            step();
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} bodies exist", self.now());
    }
}

/// Never answers.
async fn wait(req: &mut Request) -> Result<()> {
    let _counted = Counted::new(req.state::<Bodies>()?, 0);
    std::future::pending().await
}

fn client(bodies: &Bodies) -> Client {
    client_with(bodies, "BODY_TIMEOUT_SECONDS = 1")
}

fn client_with(bodies: &Bodies, toml: &str) -> Client {
    let size = |size: usize| move |req: &mut Request| -> Result<Response> { Ok(Response::text(page(req.state::<Bodies>()?, size))) };
    let stream = |req: &mut Request| -> Result<Response> { Ok(Response::body_stream(Counted::new(req.state::<Bodies>()?, 20))) };
    let router = Router::new()
        .get("/hello", |_: &mut Request| "hello")
        .get("/wait", wait)
        .get("/cookies", |req: &mut Request| req.cookies().get("last").unwrap_or_default().to_owned())
        .get("/events", |_: &mut Request| Response::body_stream(crate::half_close::Events::new(std::sync::mpsc::channel().0)))
        .get("/small", size(10_000))
        .get("/page", size(74_000))
        .get("/large", size(1_000_000))
        .get("/stream", stream)
        .post("/post", |req: &mut Request| req.body().len().to_string());
    let mut assembly = Assembly::new(router, settings(toml));
    assembly.stack_mut().push(lback_core::middleware::Errors).push(lback_core::middleware::BodyReader);
    assembly.state(bodies.clone());
    Client::over_socket(assembly.build().unwrap()).unwrap()
}

#[test]
fn a_response_is_complete_with_any_window() {
    let client = client_with(&Bodies::default(), "");
    for window in [100, 16_384, 65_535, 2_000_000] {
        let mut frames = Frames::connect(&client, window);
        for (stream, (path, size)) in
            (1..).step_by(2).zip([("/hello", 5), ("/small", 10_000), ("/page", 74_000), ("/large", 1_000_000), ("/stream", 200_000)])
        {
            frames.window_update(0, size);
            frames.get(path, stream);
            frames.window_update(stream, size);
            let (body, reset) = frames.body(stream);
            assert_eq!((body.len(), reset), (size as usize, None), "{path}, window {window}");
        }
    }
}

#[test]
fn responses_that_are_not_read_are_dropped() {
    let small = [(0, "/small"), (1, "/small")];
    let others = [(0, "/page"), (1, "/page"), (70_000, "/page"), (0, "/large"), (20_000, "/large"), (0, "/stream"), (1, "/stream")];
    std::thread::scope(|threads| {
        for (window, path) in small.into_iter().chain(others) {
            threads.spawn(move || leave_unread(window, path));
        }
    });
}

fn leave_unread(window: u32, path: &str) {
    let bodies = Bodies::default();
    let client = client(&bodies);
    let mut frames = Frames::connect(&client, window);
    for stream in 0..128 {
        frames.get(path, 2 * stream + 1);
    }
    bodies.wait_for(|| {}, |now| now > 0);
    // The client answers pings, but it is disconnected, because the connection makes no progress at all.
    while frames.next().is_some() {}
    bodies.wait_for(|| {}, |now| now == 0);
    client.get("/hello").send().assert_status(200);
}

#[test]
fn a_window_that_opens_byte_by_byte_does_not_keep_a_response_alive() {
    let bodies = Bodies::default();
    let client = client(&bodies);
    let mut frames = Frames::connect(&client, 0);
    for stream in [1, 3, 5] {
        frames.get("/page", stream);
    }
    bodies.wait_for(|| {}, |now| now == 3);
    let step = || [1, 3, 5].into_iter().for_each(|stream| frames.window_update(stream, 1));
    bodies.wait_for(step, |now| now == 0);
}

#[test]
fn a_stalled_stream_is_reset_and_the_others_continue() {
    for (window, path) in [(0, "/page"), (30_000, "/large"), (70_000, "/page"), (1, "/stream")] {
        let bodies = Bodies::default();
        let client = client(&bodies);
        let mut frames = Frames::connect(&client, window);
        frames.get(path, 1);
        bodies.wait_for(|| {}, |now| now == 1);
        // Meanwhile, other requests are answered.
        let mut stream = 3;
        let step = || {
            frames.get("/hello", stream);
            frames.window_update(stream, 5);
            stream += 2;
        };
        bodies.wait_for(step, |now| now == 0);
        let (_, reset) = frames.body(1);
        assert!(reset.is_some(), "{path}, window {window}");
        frames.get("/hello", stream);
        frames.window_update(0, 1_000_000);
        frames.window_update(stream, 5);
        assert_eq!(frames.body(stream), (b"hello".to_vec(), None));
    }
}

#[test]
fn few_views_run_for_a_client_that_reads_nothing() {
    let bodies = Bodies::default();
    let client = client_with(&bodies, "");
    let mut frames = Frames::connect(&client, 0);
    for stream in 0..128 {
        frames.get("/page", 2 * stream + 1);
    }
    let mut answered = 0;
    bodies.wait_for(|| {}, |now| now >= 4);
    for _ in 0..20 {
        client.get("/hello").send().assert_status(200);
        answered = answered.max(bodies.now());
    }
    // A quarter of a MiB, and the views that had already started.
    assert!(answered <= 10, "{answered}");
    // When the client reads these responses, it gets the rest.
    frames.window_update(0, 20_000_000);
    for stream in 0..128 {
        frames.window_update(2 * stream + 1, 100_000);
    }
    let mut ended = 0;
    while ended < 128 {
        let frame = frames.next().expect("every response arrives");
        ended += usize::from(frame.flags & END_STREAM != 0);
    }
}

#[test]
fn waiting_views_and_events_do_not_block_other_requests() {
    let bodies = Bodies::default();
    let client = client_with(&bodies, "SHUTDOWN_TIMEOUT_SECONDS = 0\nBODY_TIMEOUT_SECONDS = 1");
    let mut frames = Frames::connect(&client, 65_535);
    for stream in 0..50 {
        frames.get("/events", 4 * stream + 1);
        frames.get("/wait", 4 * stream + 3);
    }
    bodies.wait_for(|| {}, |now| now == 50);
    frames.get("/hello", 201);
    assert_eq!(frames.body(201), (b"hello".to_vec(), None));
}

/// Returns a field called `x` with a value of 100 bytes, which is then repeated `again` times in one byte each.
fn one_field(again: usize) -> Vec<u8> {
    [&[0x40, 1, b'x', 100][..], &[b'y'; 100], &vec![0x80 | 62; again]].concat()
}

#[test]
fn headers_with_too_many_fields_are_refused_immediately() {
    let bodies = Bodies::default();
    let client = client_with(&bodies, "SHUTDOWN_TIMEOUT_SECONDS = 0");
    let mut frames = Frames::connect(&client, 65_535);
    for stream in 0..100 {
        frames.request_with("GET", "/wait", 2 * stream + 1, END_STREAM, &one_field(450));
    }
    for _ in 0..100 {
        let refusal = frames.next().expect("every request is answered");
        assert_eq!((refusal.kind, refusal.flags & END_STREAM), (HEADERS, END_STREAM));
    }
    assert_eq!(bodies.now(), 0, "no view has run");
    frames.request_with("GET", "/hello", 201, END_STREAM, &one_field(90));
    assert_eq!(frames.body(201), (b"hello".to_vec(), None));
}

#[test]
fn the_headers_of_waiting_requests_are_limited() {
    let bodies = Bodies::default();
    let client = client_with(&bodies, "SHUTDOWN_TIMEOUT_SECONDS = 0");
    let mut frames = Frames::connect(&client, 65_535);
    for stream in 0..120 {
        frames.request_with("GET", "/wait", 2 * stream + 1, END_STREAM, &one_field(95));
    }
    // They take more than 21 KiB each, and the limit is 2 MiB.
    for _ in 0..20 {
        let refusal = frames.next().expect("requests above the limit are refused");
        assert_eq!((refusal.kind, refusal.flags & END_STREAM), (HEADERS, END_STREAM));
        assert!(refusal.stream > 150, "{}", refusal.stream);
    }
    // Another connection has its own limit.
    client.get("/hello").send().assert_status(200);
}

#[test]
fn each_cookie_can_have_its_own_field() {
    let client = client_with(&Bodies::default(), "");
    let mut frames = Frames::connect(&client, 65_535);
    let cookies: Vec<u8> = (100..280).flat_map(|n| [&[0x60, 5][..], format!("c{n}=").as_bytes()].concat()).collect();
    frames.request_with("GET", "/cookies", 1, END_STREAM, &[&cookies[..], &[0x60, 6], b"last=x"].concat());
    assert_eq!(frames.body(1), (b"x".to_vec(), None));
}

#[test]
fn bodies_that_do_not_arrive_are_refused_one_by_one() {
    let client = client(&Bodies::default());
    let mut frames = Frames::connect(&client, 65_535);
    for stream in 0..12 {
        frames.request("POST", "/post", 2 * stream + 1, 0);
    }
    frames.send(DATA, END_STREAM, 1, b"abc");
    assert_eq!(frames.body(1), (b"3".to_vec(), None));
    let mut refused = 0;
    while refused < 11 {
        let frame = frames.next().expect("every request is answered");
        refused += usize::from(frame.kind == HEADERS);
    }
}

#[test]
fn a_client_that_keeps_sending_after_an_early_response_is_not_reset() {
    let client = client_with(&Bodies::default(), "");
    for path in ["/nothing", "/hello"] {
        let mut frames = Frames::connect(&client, 65_535);
        frames.request("POST", path, 1, 0);
        assert_eq!(frames.body(1).1, None, "{path}");
        for chunk in 1..=10 {
            frames.send(DATA, if chunk == 10 { END_STREAM } else { 0 }, 1, &[b'x'; 16_384]);
        }
        frames.get("/hello", 3);
        while let Some(frame) = frames.next().filter(|frame| frame.stream == 1 || frame.kind == HEADERS) {
            assert_ne!(frame.kind, RESET, "{path}");
        }
    }
}

#[test]
fn a_client_that_closes_its_sending_side_gets_all_responses() {
    let client = client_with(&Bodies::default(), "");
    for _ in 0..20 {
        let mut frames = Frames::connect(&client, 1_000_000);
        frames.window_update(0, 2_000_000);
        for (stream, path) in [(1, "/hello"), (3, "/page"), (5, "/nothing"), (7, "/large")] {
            frames.get(path, stream);
        }
        frames.0.shutdown(Shutdown::Write).unwrap();
        let mut bytes = 0;
        let mut ended = 0;
        while let Some(frame) = frames.next() {
            bytes += if frame.kind == DATA { frame.payload.len() } else { 0 };
            ended += usize::from(matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0);
        }
        assert_eq!(ended, 4);
        assert!(bytes > 1_074_005, "{bytes}");
    }
}
