//! WebSockets.

mod browser;
mod handshake;
mod limits;
#[cfg(target_os = "linux")]
mod memory;
mod protocol;
mod raw;
mod stopping;
mod users;
mod views;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lback::http::Bytes;
use lback::prelude::*;
use lback::testing::Client;
use lback::websockets::{OpenSockets, WebSocketOptions};

use crate::server_process::eventually;

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30";

/// The number of views that have ended in the middle, because they were dropped.
#[derive(Clone, Default)]
struct Dropped(Arc<AtomicUsize>);

struct CountDrop(Dropped);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn echo(req: &mut Request) -> Result<Response> {
    req.websocket(async |mut socket| {
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        Ok(())
    })
}

/// Sends texts of 1,000 bytes as fast as the client reads them, and never receives.
fn flood(req: &mut Request) -> Result<Response> {
    let dropped: Dropped = req.state::<Dropped>()?.clone();
    req.websocket(async |socket| {
        let _count = CountDrop(dropped);
        loop {
            socket.send("x".repeat(1000)).await?;
        }
    })
}

/// Waits for something else than the socket.
async fn waits(req: &mut Request) -> Result<Response> {
    let dropped: Dropped = req.state::<Dropped>()?.clone();
    req.websocket(async |_socket| {
        let _count = CountDrop(dropped);
        std::future::pending().await
    })
}

fn options(req: &mut Request) -> Result<Response> {
    let options = WebSocketOptions::new().protocols(["chat.v2", "chat.v1"]).max_message_bytes(10);
    req.websocket_with(options, async |mut socket| {
        socket.send(format!("{:?}", socket.protocol())).await?;
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        Ok(())
    })
}

fn urls() -> Router {
    Router::new().ws("/echo", echo).name("echo").ws("/flood", flood).ws("/waits", waits).ws("/options", options)
}

fn app() -> App {
    App::new(urls()).state(Dropped::default()).websockets()
}

fn client(settings: &str) -> Client {
    Client::with_settings(app(), &format!("{SETTINGS}\n{settings}"))
}

fn over_socket(settings: &str) -> Client {
    Client::over_socket_with_settings(app(), &format!("{SETTINGS}\n{settings}"))
}

fn open(client: &Client) -> usize {
    client.app().state::<OpenSockets>().unwrap().count()
}

#[track_caller]
fn wait_for_open(client: &Client, count: usize) {
    eventually(&format!("{count} sockets are open"), || open(client) == count);
}

#[test]
fn messages_travel_in_both_directions() {
    for client in [client(""), over_socket("")] {
        let mut socket = client.websocket("/echo");
        socket.send("hello");
        assert_eq!(socket.text(), "hello");
        socket.send(Bytes::from_static(&[0, 255]));
        assert_eq!(socket.recv().unwrap().as_bytes(), [0, 255]);
        socket.send_json(&["a", "b"]);
        assert_eq!(socket.json::<Vec<String>>(), ["a", "b"]);
        socket.send("");
        assert_eq!(socket.text(), "");
        let long = "ü".repeat(30_000);
        socket.send(long.as_str());
        assert_eq!(socket.text(), long);
        assert_eq!(open(&client), 1);
        socket.close(1000);
        assert_eq!(socket.closed().0, 1000);
        wait_for_open(&client, 0);
    }
}

#[test]
fn messages_arrive_in_their_order() {
    let client = over_socket("WEBSOCKET_MESSAGE_BURST = 2000");
    let mut socket = client.websocket("/echo");
    for round in 0..10 {
        // More than fit into the queues.
        for n in 0..100 {
            socket.send(format!("{round} {n}"));
        }
        for n in 0..100 {
            assert_eq!(socket.text(), format!("{round} {n}"));
        }
    }
}
