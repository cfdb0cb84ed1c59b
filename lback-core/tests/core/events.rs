//! Server-sent events.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use lback_core::testing::{Client, block_on};
use lback_core::{Application, Assembly, Error, Event, Method, Request, Response, Result, Router};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt};

use crate::http2::Frames;
use crate::server::{connect, connect_to, read_all, read_until, start};
use crate::{app, app_with, settings};

/// A message to all streams at `/`.
struct Messages(broadcast::Sender<Event>);

/// The number of open streams, and of the events that they have produced.
#[derive(Clone, Default)]
struct Counts {
    open: Arc<AtomicUsize>,
    produced: Arc<AtomicUsize>,
}

impl Counts {
    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn wait_for_open(&self, count: usize) {
        for _ in 0..6000 {
            if self.open() == count {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} streams are open", self.open());
    }
}

/// A stream that is counted while it exists.
struct Counted<S>(Pin<Box<S>>, Counts);

impl<S> Counted<S> {
    fn new(stream: S, counts: &Counts) -> Self {
        counts.open.fetch_add(1, Ordering::SeqCst);
        Counted(Box::pin(stream), counts.clone())
    }
}

impl<S: Stream> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let polled = self.0.as_mut().poll_next(cx);
        if let Poll::Ready(Some(_)) = polled {
            self.1.produced.fetch_add(1, Ordering::SeqCst);
        }
        polled
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        self.1.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn messages(req: &mut Request) -> Result<Response> {
    let Messages(sender) = req.state()?;
    let messages = BroadcastStream::new(sender.subscribe()).map(|message| Ok::<_, Error>(message?));
    Ok(Response::events(Counted::new(messages, req.state()?)))
}

/// Produces events as fast as the client reads them.
async fn flood(req: &mut Request) -> Result<Response> {
    let events = tokio_stream::iter(std::iter::repeat_with(|| Event::text("x".repeat(1000))));
    Ok(Response::events(Counted::new(events, req.state()?)))
}

/// Continues after the last event that the client has received.
async fn numbers(req: &mut Request) -> Result<Response> {
    let last: u64 = req.last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
    Ok(Response::events(tokio_stream::iter((last + 1..=5).map(|n| Event::text(n.to_string())?.with_id(n)))))
}

/// Another body that does not end.
async fn endless_text(_: &mut Request) -> Response {
    Response::body_stream(crate::half_close::Events::new(std::sync::mpsc::channel().0)).until_shutdown()
}

fn application(toml: &str) -> (Arc<Application>, broadcast::Sender<Event>, Counts) {
    let router = Router::new()
        .get("/", messages)
        .get("/flood", flood)
        .get("/numbers", numbers)
        .get("/text", endless_text)
        .get("/hello", |_: &mut Request| "hello");
    let mut assembly = Assembly::new(router, settings(toml));
    assembly.stack_mut().push(lback_core::middleware::Errors).push(lback_core::middleware::BodyReader);
    let (sender, counts) = (broadcast::channel(16).0, Counts::default());
    assembly.state(Messages(sender.clone()));
    assembly.state(counts.clone());
    (assembly.build().unwrap(), sender, counts)
}

fn over_socket(toml: &str) -> (Client, broadcast::Sender<Event>, Counts) {
    let (app, sender, counts) = application(toml);
    (Client::over_socket(app).unwrap(), sender, counts)
}

fn get(stream: &mut TcpStream, path: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
}

/// Returns the body of a response with these events.
fn sent(events: impl Fn() -> Result<Vec<Event>> + Clone + Send + Sync + 'static) -> String {
    let view =
        move |_: &mut Request| -> Result<Response> { Ok(Response::events(tokio_stream::iter(events()?.into_iter().map(Ok::<_, Error>)))) };
    let client = Client::new(app(Router::new().get("/", view)));
    client.get("/").send().assert_status(200).text().to_owned()
}

#[test]
fn events_have_the_format_of_the_standard() {
    assert_eq!(sent(|| Ok(vec![Event::text("one")?, Event::text("two\nlines")?])), "data: one\n\ndata: two\ndata: lines\n\n");
    assert_eq!(sent(|| Ok(vec![Event::text("")?])), "data: \n\n");
    assert_eq!(sent(|| Ok(vec![Event::json(&["a", "b"])?])), "data: [\"a\",\"b\"]\n\n");
    let all = || Event::text("x")?.with_id(7)?.with_name("delivery")?.with_retry(Duration::from_secs(2)).with_id("ü 8");
    assert_eq!(sent(move || Ok(vec![all()?])), "data: x\nid: 7\nevent: delivery\nretry: 2000\nid: ü 8\n\n");
    let client = Client::new(app(Router::new().get("/", |_: &mut Request| Response::events(tokio_stream::empty::<Result<Event>>()))));
    let response = client.get("/").send();
    let header = |name| response.header(name).unwrap_or_default();
    assert_eq!((header("content-type"), header("cache-control"), header("x-accel-buffering")), ("text/event-stream", "no-store", "no"));
}

#[test]
fn data_cannot_add_fields_or_events() {
    for (data, lines) in [
        ("a\rid: 1", "data: a\ndata: id: 1\n\n"),
        ("a\r\nevent: x\r\n\r\ndata: y", "data: a\ndata: event: x\ndata: \ndata: data: y\n\n"),
        ("\n\n", "data: \ndata: \ndata: \n\n"),
        ("\r\r\n\n\r", "data: \ndata: \ndata: \ndata: \ndata: \n\n"),
        (" :\0\u{feff}\u{2028}\u{85}", "data:  :\0\u{feff}\u{2028}\u{85}\n\n"),
    ] {
        assert_eq!(sent(move || Ok(vec![Event::text(data)?])), lines);
    }
}

#[test]
fn ids_and_names_cannot_contain_control_characters() {
    for text in ["a\nb", "a\r", "\0", "\r\n\r\ndata: x", "\u{7f}", "\u{85}", &"x".repeat(1025)] {
        assert!(Event::text("x").unwrap().with_id(text).is_err(), "{text:?}");
        assert!(Event::text("x").unwrap().with_name(text).is_err(), "{text:?}");
    }
    assert!(Event::text("x").unwrap().with_id("x".repeat(1024)).is_ok());
}

#[test]
fn large_events_are_refused() {
    assert!(Event::text("x".repeat(64 * 1024 - 8)).is_ok());
    assert!(Event::text("x".repeat(64 * 1024 - 7)).unwrap_err().to_string().contains("65537"));
    assert!(Event::text("\n".repeat(10_000)).is_err(), "each line takes 7 bytes");
    assert!(Event::json(&vec![0; 40_000]).is_err());
}

#[test]
fn a_stream_continues_after_the_last_event_that_the_client_has_received() {
    let (client, ..) = over_socket("");
    let ids = |response: &str| response.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect::<Vec<u64>>();
    assert_eq!(ids(client.get("/numbers").send().text()), [1, 2, 3, 4, 5]);
    assert_eq!(ids(client.get("/numbers").header("last-event-id", "3").send().text()), [4, 5]);
    assert_eq!(ids(client.get("/numbers").header("last-event-id", "5").send().text()), [0_u64; 0]);
    for wrong in ["", "x", "-1", "99999999999999999999"] {
        assert_eq!(ids(client.get("/numbers").header("last-event-id", wrong).send().text()).len(), 5, "{wrong}");
    }
}

#[test]
fn the_last_id_is_text() {
    let view = |req: &mut Request| format!("{:?}", req.last_event_id());
    let client = Client::over_socket(app(Router::new().get("/", view))).unwrap();
    for (sent, seen) in [("ü 8".as_bytes(), "Some(\"ü 8\")"), (b"\xff", "None"), (b"", "None")] {
        let mut stream = connect(&client);
        stream.write_all(&[b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nlast-event-id: ", sent, b"\r\n\r\n"].concat()).unwrap();
        let answer = read_all(stream);
        assert!(answer.ends_with(seen), "{answer}");
    }
    assert_eq!(client.get("/").send().text(), "None");
}

#[test]
fn headers_and_events_are_sent_at_once() {
    let (client, sender, counts) = over_socket("");
    let (mut http1, mut http2) = (connect(&client), Frames::connect(&client, 65_535));
    get(&mut http1, "/");
    assert!(read_until(&mut http1, "\r\n\r\n").contains("text/event-stream"));
    http2.get("/", 1);
    counts.wait_for_open(2);
    for n in 0..100 {
        let event = Event::text(format!("message {n}")).unwrap();
        assert_eq!(sender.send(event).unwrap(), 2);
        read_until(&mut http1, &format!("data: message {n}\n\n"));
        http2.read_until(1, &format!("data: message {n}\n\n"));
    }
}

/// The server would cut them off after a minute, before the responses are complete.
#[test]
fn a_stop_ends_all_streams() {
    let (app, _sender, counts) = application("SHUTDOWN_TIMEOUT_SECONDS = 60");
    let (addr, stop, served) = start(app);
    let mut http1: Vec<TcpStream> = (0..50).map(|_| connect_to(addr)).collect();
    for (n, stream) in http1.iter_mut().enumerate() {
        get(stream, if n == 0 { "/text" } else { "/" });
        read_until(stream, if n == 0 { "first\r\n" } else { "\r\n\r\n" });
    }
    let mut http2 = Frames::connect_to(addr, 65_535);
    for n in 0..50 {
        http2.get("/", 2 * n + 1);
    }
    counts.wait_for_open(99);
    stop.send(()).unwrap();
    for stream in http1 {
        let rest = read_all(stream);
        assert!(rest.ends_with("0\r\n\r\n"), "the response is complete: {rest}");
    }
    assert_eq!(http2.lengths(50).len(), 50);
    block_on(served).unwrap().unwrap();
    assert_eq!(counts.open(), 0);
}

/// They would otherwise wait for the next event.
#[test]
fn streams_end_with_their_clients() {
    let (client, sender, counts) = over_socket("");
    let open = |path| {
        let mut stream = connect(&client);
        get(&mut stream, path);
        read_until(&mut stream, "\r\n\r\n");
        stream
    };
    drop(open("/"));
    counts.wait_for_open(0);
    let half = open("/");
    half.shutdown(Shutdown::Write).unwrap();
    counts.wait_for_open(0);
    assert_eq!(read_all(half), "0\r\n\r\n");
    let mut http2 = Frames::connect(&client, 65_535);
    for stream in [1, 3, 5] {
        http2.get("/", stream);
    }
    counts.wait_for_open(3);
    http2.reset(3);
    counts.wait_for_open(2);
    drop(http2);
    counts.wait_for_open(0);
    assert_eq!(sender.receiver_count(), 0);
}

#[test]
fn clients_that_connect_again_and_again_leave_nothing_behind() {
    let (client, _sender, counts) = over_socket("MAX_CONNECTIONS = 5");
    for _ in 0..300 {
        let mut stream = connect(&client);
        get(&mut stream, "/");
        read_until(&mut stream, "\r\n\r\n");
    }
    counts.wait_for_open(0);
    client.get("/hello").send().assert_status(200);
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let (client, _sender, counts) = over_socket("BODY_TIMEOUT_SECONDS = 1");
    let mut http1 = connect(&client);
    get(&mut http1, "/flood");
    let mut http2 = Frames::connect(&client, 0);
    http2.get("/flood", 1);
    counts.wait_for_open(2);
    counts.wait_for_open(0);
    // What the buffers of the system can hold, with events of 1,000 bytes.
    let produced = counts.produced.load(Ordering::SeqCst);
    assert!(produced < 20_000, "{produced} events for clients that do not read");
    client.get("/hello").send().assert_status(200);
}

#[test]
fn an_error_ends_the_stream_after_the_events_before_it() {
    let failing = |_: &mut Request| {
        let event = |n: u32| if n == 3 { Err(std::io::Error::other("no more")) } else { Ok(Event::text(n.to_string()).unwrap()) };
        Response::events(tokio_stream::iter(1..=5).map(event))
    };
    let client = Client::over_socket(app(Router::new().get("/", failing).get("/hello", |_: &mut Request| "hello"))).unwrap();
    assert_eq!(client.get("/").send().text(), "data: 1\n\ndata: 2\n\n");
    let mut http2 = Frames::connect(&client, 65_535);
    http2.get("/", 1);
    assert_eq!(http2.body(1), (b"data: 1\n\ndata: 2\n\n".to_vec(), None));
    http2.get("/hello", 3);
    assert_eq!(http2.body(3), (b"hello".to_vec(), None));
}

#[test]
fn a_head_request_opens_no_stream() {
    let (client, _sender, counts) = over_socket("");
    let response = client.request(Method::HEAD, "/").send();
    assert_eq!(response.assert_status(200).header("content-type"), Some("text/event-stream"));
    counts.wait_for_open(0);
}

#[test]
fn a_quiet_stream_sends_comments() {
    let quiet = |_: &mut Request| Response::events(tokio_stream::pending::<Result<Event>>());
    let client =
        Client::over_socket(app_with(Router::new().get("/", quiet), "HEADER_TIMEOUT_SECONDS = 1\nBODY_TIMEOUT_SECONDS = 1")).unwrap();
    let mut stream = connect(&client);
    get(&mut stream, "/");
    read_until(&mut stream, ":\n");
}

#[test]
fn a_stream_that_panics_ends_one_connection_only() {
    let panicking = |_: &mut Request| {
        Response::events(tokio_stream::iter([0, 1]).map(|n| {
            assert_eq!(n, 0, "out of events");
            Event::text("first")
        }))
    };
    let client = Client::over_socket(app(Router::new().get("/", panicking).get("/hello", |_: &mut Request| "hello"))).unwrap();
    let mut stream = connect(&client);
    get(&mut stream, "/");
    assert!(!read_all(stream).ends_with("0\r\n\r\n"));
    client.get("/hello").send().assert_status(200);
}

/// Middleware and listeners may wrap the body.
#[test]
fn a_stop_ends_a_wrapped_stream() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut assembly = Assembly::new(Router::new().get("/", messages), settings("SHUTDOWN_TIMEOUT_SECONDS = 60"));
    let notes = seen.clone();
    assembly.listeners_mut().on(move |sent: &lback_core::signals::ResponseSent, _| notes.lock().unwrap().push(sent.status));
    assembly.state(Messages(broadcast::channel(1).0));
    assembly.state(Counts::default());
    let (addr, stop, served) = start(assembly.build().unwrap());
    let mut stream = connect_to(addr);
    get(&mut stream, "/");
    read_until(&mut stream, "\r\n\r\n");
    stop.send(()).unwrap();
    assert_eq!(read_all(stream), "0\r\n\r\n");
    block_on(served).unwrap().unwrap();
    assert_eq!(*seen.lock().unwrap(), [200]);
}
