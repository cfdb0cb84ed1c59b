//! Signals, through the test client and over sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use lback_core::middleware::{BodyReader, Errors};
use lback_core::signals::{AnySignal, Listeners, RequestFailed, RequestReceived, ResponseSent, ServerStarted, ServerStopping};
use lback_core::testing::{Client, block_on};
use lback_core::{Application, Assembly, Error, Request, Response, Result, Router, Signal};

use crate::{app, settings};

#[derive(Debug)]
struct OrderPlaced {
    id: i64,
}

impl Signal for OrderPlaced {
    const NAME: &str = "order.placed";
}

#[derive(Debug)]
struct OrderSent;

impl Signal for OrderSent {
    const NAME: &str = "order.sent";
}

/// The notes of listeners, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Waits for `count` notes from other threads, which may take a moment.
    fn wait_for(&self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        while self.0.lock().unwrap().len() < count && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.take()
    }
}

fn build(router: Router, toml: &str, listen: impl FnOnce(&mut Listeners)) -> Result<Arc<Application>> {
    let mut assembly = Assembly::new(router, settings(toml));
    assembly.stack_mut().push(Errors).push(BodyReader);
    listen(assembly.listeners_mut());
    assembly.build()
}

fn listening(router: Router, listen: impl FnOnce(&mut Listeners)) -> Arc<Application> {
    build(router, "", listen).unwrap()
}

#[test]
fn listeners_are_called_in_the_order_of_their_registration() {
    let notes = Notes::default();
    let note = |what: &'static str| {
        let notes = notes.clone();
        move || notes.add(what)
    };
    let (first, second, third, other) = (note("type"), note("name"), note("type again"), note("another type"));
    let app = listening(Router::new(), |listeners| {
        listeners.on(move |_: &OrderPlaced, _| first());
        listeners.on_name("order.*", move |_, _| second());
        listeners.on(move |_: &OrderSent, _| other());
        listeners.on(move |_: &OrderPlaced, _| third());
    });
    app.send(OrderPlaced { id: 1 });
    assert_eq!(notes.take(), ["type", "name", "type again"]);
}

#[test]
fn a_listener_by_name_receives_the_signal() {
    let notes = Notes::default();
    let noted = notes.clone();
    let app = listening(Router::new(), |listeners| {
        listeners.on_name("*", move |signal, _| {
            noted.add(format!("{} {signal:?} {:?}", signal.name(), signal.downcast_ref::<OrderPlaced>().map(|order| order.id)));
        });
    });
    app.send(OrderPlaced { id: 7 });
    app.send(OrderSent);
    assert_eq!(notes.take(), ["order.placed OrderPlaced { id: 7 } Some(7)", "order.sent OrderSent None"]);
}

#[test]
fn a_listener_receives_the_application() {
    let mut assembly = Assembly::new(Router::new(), settings(""));
    assembly.state(AtomicU32::new(0));
    assembly.listeners_mut().on(|_: &OrderPlaced, app| {
        app.state::<AtomicU32>().unwrap().fetch_add(1, Ordering::SeqCst);
    });
    let app = assembly.build().unwrap();
    app.send(OrderPlaced { id: 1 });
    assert_eq!(app.state::<AtomicU32>().unwrap().load(Ordering::SeqCst), 1);
}

#[test]
fn without_a_listener_the_signal_is_not_created() {
    let make = || -> OrderPlaced { panic!("the signal was created") };
    app(Router::new()).send_with(make);
    let app = listening(Router::new(), |listeners| {
        listeners.on(|_: &OrderSent, _| {}).on_name("orders.*", |_, _| {}).on_name("order.sent", |_, _| {});
    });
    app.send_with(make);
    assert!(!app.wants::<OrderPlaced>());
    assert!(app.wants::<OrderSent>());
    assert!(!app.wants::<RequestReceived>());
}

#[test]
fn a_listener_that_fails_or_panics_does_not_affect_others() {
    let notes = Notes::default();
    let (noted, later) = (notes.clone(), notes.clone());
    let app = listening(Router::new().get("/", |_: &mut Request| "hello"), |listeners| {
        listeners.on(|_: &RequestReceived, _| -> () { panic!("on purpose") });
        listeners.on(|_: &RequestReceived, _| -> Result<()> { Err(Error::internal("on purpose")) });
        listeners.on_async(async |_: Arc<RequestReceived>, _| -> () { panic!("on purpose") });
        // Panics before it returns a future.
        listeners.on_async(|_: Arc<RequestReceived>, _| -> std::future::Ready<()> { panic!("on purpose") });
        listeners.on_async(async |_: Arc<RequestReceived>, _| Err::<(), _>(Error::internal("on purpose")));
        listeners.on_async(move |_: Arc<RequestReceived>, _| {
            let later = later.clone();
            async move { later.add("async") }
        });
        listeners.on(move |_: &RequestReceived, _| noted.add("sync"));
    });
    for client in [Client::new(app.clone()), Client::over_socket(app).unwrap()] {
        client.get("/").send().assert_status(200).assert_contains("hello");
        let mut told = notes.wait_for(2);
        told.sort();
        assert_eq!(told, ["async", "sync"]);
    }
}

#[test]
fn async_listeners_receive_the_signal_and_the_application() {
    let (sender, receiver) = mpsc::channel();
    let by_name = sender.clone();
    let app = listening(Router::new().get("/", |req: &mut Request| req.app().send(OrderPlaced { id: 3 })), |listeners| {
        listeners.on_async(move |order: Arc<OrderPlaced>, app: Arc<Application>| {
            let sender = sender.clone();
            async move { sender.send(format!("{} {}", order.id, app.routes().len())).unwrap() }
        });
        listeners.on_name_async("order.placed", move |signal: AnySignal, _| {
            let sender = by_name.clone();
            async move { sender.send(format!("{signal:?}")).unwrap() }
        });
    });
    Client::new(app).get("/").send().assert_status(204);
    let mut told = [receiver.recv().unwrap(), receiver.recv().unwrap()];
    told.sort();
    assert_eq!(told, ["3 1", "OrderPlaced { id: 3 }"]);
}

#[test]
fn concurrent_calls_of_a_listener_are_limited() {
    let begun = Arc::new(AtomicU32::new(0));
    let (count, hangs) = (begun.clone(), Arc::new(AtomicBool::new(true)));
    let hanging = hangs.clone();
    let app = listening(Router::new(), |listeners| {
        listeners.on_async(move |_: Arc<OrderSent>, _| {
            count.fetch_add(1, Ordering::SeqCst);
            let hanging = hanging.clone();
            async move {
                while hanging.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
    });
    block_on(async {
        for _ in 0..3000 {
            app.send(OrderSent);
        }
        hangs.store(false, Ordering::SeqCst);
    });
    let deadline = Instant::now() + Duration::from_secs(30);
    while begun.load(Ordering::SeqCst) < 1024 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(begun.swap(0, Ordering::SeqCst), 1024);
    // Its permits have been returned.
    block_on(async { app.send(OrderSent) });
    while begun.load(Ordering::SeqCst) < 1 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[test]
fn outside_of_a_runtime_an_async_listener_has_ended_when_send_returns() {
    let notes = Notes::default();
    let noted = notes.clone();
    let app = listening(Router::new(), |listeners| {
        listeners.on_async(move |_: Arc<OrderSent>, _| {
            let noted = noted.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                noted.add("told");
            }
        });
        listeners.on_async(async |_: Arc<OrderPlaced>, app: Arc<Application>| app.send(OrderSent));
    });
    app.send(OrderSent);
    assert_eq!(notes.take(), ["told"]);
    app.send(OrderPlaced { id: 1 });
    assert_eq!(notes.take(), ["told"]);
}

#[test]
fn outside_of_a_runtime_a_listener_that_hangs_is_cut_off() {
    let app = build(Router::new(), "SHUTDOWN_TIMEOUT_SECONDS = 1", |listeners| {
        listeners.on_async(async |_: Arc<OrderSent>, _| std::future::pending::<()>().await);
    });
    let begun = Instant::now();
    app.unwrap().send(OrderSent);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn listeners_that_trigger_each_other_are_stopped() {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    let app = listening(Router::new(), |listeners| {
        listeners.on(|_: &OrderPlaced, app: &Arc<Application>| app.send(OrderSent));
        listeners.on(move |_: &OrderSent, app: &Arc<Application>| {
            counted.fetch_add(1, Ordering::SeqCst);
            app.send(OrderPlaced { id: 1 });
        });
    });
    app.send(OrderSent);
    assert_eq!(count.swap(0, Ordering::SeqCst), 8);
    app.send(OrderSent);
    assert_eq!(count.load(Ordering::SeqCst), 8);
}

#[test]
fn invalid_names_are_refused_at_startup() {
    let error = build(Router::new(), "", |listeners| {
        listeners.on_name("user*", |_, _| {});
        listeners.on_name_async("", async |_, _| {});
    });
    let error = error.err().unwrap().to_string();
    assert!(error.contains("\"user*\" is not the name of a signal; write \"user.logged_in\", \"user.*\" or \"*\""), "{error}");
    assert!(error.contains("signals.rs:") && error.contains("\"\" is not the name of a signal"), "{error}");
}

fn urls() -> Router {
    Router::new()
        .get("/posts/{id:int}", |_: &mut Request| "a post")
        .get("/stream", |_: &mut Request| Response::stream(["ab", "cd", "e"].map(Ok::<_, std::convert::Infallible>)))
        .get("/broken", |_: &mut Request| Response::stream([Ok("ab"), Err(std::io::Error::other("on purpose"))]))
        .get("/fails", |_: &mut Request| -> Result<Response> { Err(Error::internal("the password is hunter2")) })
        .get("/panics", |_: &mut Request| -> Result<Response> { panic!("the password is hunter2") })
        .get("/refuses", |_: &mut Request| -> Result<Response> { Err(Error::forbidden("not you")) })
}

fn http(notes: &Notes) -> Arc<Application> {
    let (received, sent, failed) = (notes.clone(), notes.clone(), notes.clone());
    listening(urls(), |listeners| {
        listeners.on(move |event: &RequestReceived, _| {
            received.add(format!("received {} {:?} {:?}", event.method, event.route, event.client));
        });
        listeners.on(move |event: &RequestFailed, _| {
            assert!(event.location.as_deref().unwrap().contains("signals.rs:"), "{event:?}");
            failed.add(format!("failed {:?} {} {}", event.route, event.status, event.panicked));
        });
        listeners.on(move |event: &ResponseSent, _| {
            assert!(event.duration < Duration::from_secs(60), "{event:?}");
            sent.add(format!("sent {:?} {} {} bytes, complete: {}", event.route, event.status, event.bytes, event.complete));
        });
    })
}

#[test]
fn listeners_follow_a_request_from_its_arrival_to_its_end() {
    let notes = Notes::default();
    let app = http(&notes);
    for client in [Client::new(app.clone()), Client::over_socket(app).unwrap()] {
        client.get("/posts/7").send().assert_status(200);
        let post = "Some(\"/posts/{id:int}\")";
        assert_eq!(notes.wait_for(2), [format!("received GET {post} Some(127.0.0.1)"), format!("sent {post} 200 6 bytes, complete: true")]);
        let headers = client.head("/posts/7").send();
        assert_eq!(headers.header("content-length"), Some("6"));
        assert_eq!(notes.wait_for(2)[1], format!("sent {post} 200 0 bytes, complete: true"));
        client.get("/stream").send().assert_contains("abcde");
        assert_eq!(notes.wait_for(2)[1], "sent Some(\"/stream\") 200 5 bytes, complete: true");
        client.get("/nothing/here").send().assert_status(404);
        let told = notes.wait_for(2);
        assert_eq!(told[0], "received GET None Some(127.0.0.1)");
        assert!(told[1].starts_with("sent None 404 ") && told[1].ends_with("complete: true"), "{told:?}");
        client.get("/refuses").send().assert_status(403);
        assert_eq!(notes.wait_for(2).len(), 2);
    }
}

#[test]
fn a_listener_does_not_change_the_response() {
    let heard = Client::over_socket(http(&Notes::default())).unwrap();
    let unheard = Client::over_socket(listening(urls(), |_| {})).unwrap();
    for path in ["/posts/7", "/stream"] {
        let (one, other) = (heard.get(path).send(), unheard.get(path).send());
        for header in ["content-length", "transfer-encoding", "content-type"] {
            assert_eq!(one.header(header), other.header(header), "{path} {header}");
        }
        assert_eq!(one.text(), other.text());
    }
}

#[test]
fn signals_of_failures_do_not_contain_the_message() {
    let notes = Notes::default();
    let client = Client::new(http(&notes));
    for (path, panicked) in [("/fails", false), ("/panics", true)] {
        client.get(path).send().assert_status(500);
        let told = notes.wait_for(3);
        assert_eq!(told[1], format!("failed Some(\"{path}\") 500 {panicked}"));
        assert!(!told.concat().contains("hunter2"));
    }
}

#[test]
fn a_response_that_breaks_off_is_not_complete() {
    let notes = Notes::default();
    let client = Client::over_socket(http(&notes)).unwrap();
    let mut stream = std::net::TcpStream::connect(client.addr().unwrap()).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /broken HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    assert_eq!(notes.wait_for(2)[1], "sent Some(\"/broken\") 200 2 bytes, complete: false");
}

#[test]
fn a_server_sends_signals_when_it_starts_and_stops() {
    let notes = Notes::default();
    let (started, stopping) = (notes.clone(), notes.clone());
    let address = Arc::new(Mutex::new(None::<SocketAddr>));
    let set = address.clone();
    let app = listening(urls(), |listeners| {
        listeners.on(move |event: &ServerStarted, _| {
            *set.lock().unwrap() = Some(event.address);
            started.add("started");
        });
        listeners.on_async(move |event: Arc<ServerStopping>, _| {
            let (stopping, expected) = (stopping.clone(), address.clone());
            async move {
                // The server waits for it.
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert_eq!(*expected.lock().unwrap(), Some(event.address));
                stopping.add("stopping");
            }
        });
    });
    let client = Client::over_socket(app).unwrap();
    assert_eq!(notes.wait_for(1), ["started"]);
    client.get("/posts/1").send().assert_status(200);
    drop(client);
    assert_eq!(notes.take(), ["stopping"]);
}

#[test]
fn a_listener_that_hangs_does_not_keep_a_server_from_stopping() {
    let app = build(urls(), "SHUTDOWN_TIMEOUT_SECONDS = 1", |listeners| {
        listeners.on(|_: &ServerStarted, _| std::thread::sleep(Duration::from_secs(20)));
        listeners.on(|_: &ServerStopping, _| std::thread::sleep(Duration::from_secs(20)));
        listeners.on_async(async |_: Arc<ServerStopping>, _| std::future::pending::<()>().await);
        listeners.on_async(async |_: Arc<RequestReceived>, _| std::future::pending::<()>().await);
    });
    let client = Client::over_socket(app.unwrap()).unwrap();
    client.get("/posts/1").send().assert_status(200);
    let begun = Instant::now();
    drop(client);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
