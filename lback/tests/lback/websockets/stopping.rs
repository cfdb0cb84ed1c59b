//! The end of the server.

use std::time::{Duration, Instant};

use lback::prelude::*;

use super::over_socket;
use super::raw::Raw;

#[test]
fn open_sockets_are_told_that_the_server_stops_and_do_not_hold_it_up() {
    let client = over_socket("SHUTDOWN_TIMEOUT_SECONDS = 60");
    let mut sockets: Vec<_> = (0..20).map(|_| client.websocket("/echo")).collect();
    for socket in &mut sockets {
        socket.send("hello");
        assert_eq!(socket.text(), "hello");
    }
    // One that does not answer the close frame, one whose client does not read, and one whose view does not notice.
    let mut silent = Raw::open(&client, "/echo");
    let _flood = Raw::open(&client, "/flood");
    let mut waits = Raw::open(&client, "/waits");
    let begin = Instant::now();
    // Waits for the server.
    let stopped = std::thread::spawn(move || drop(client));
    for socket in &mut sockets {
        assert_eq!(socket.closed(), (1001, "The server is restarting.".to_owned()));
    }
    assert_eq!(silent.closed().0, 1001);
    assert_eq!(waits.closed().0, 1001);
    stopped.join().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}
