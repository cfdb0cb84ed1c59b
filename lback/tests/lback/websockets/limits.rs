//! Limits on the size, the rate and the number of what clients send and keep open.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use lback::prelude::*;

use super::raw::{FIN, PING, PONG, Raw, frame};
use super::{Dropped, client, open, over_socket, wait_for_open};
use crate::server_process::eventually;

#[test]
fn messages_that_are_too_large_close_the_socket() {
    let client = client("WEBSOCKET_MAX_MESSAGE_BYTES = 100");
    let mut socket = client.websocket("/echo");
    socket.send("x".repeat(100));
    assert_eq!(socket.text().len(), 100);
    socket.send("x".repeat(101));
    assert_eq!(socket.closed(), (1009, "A message is larger than 100 bytes.".to_owned()));
    let mut socket = client.websocket("/options");
    socket.text();
    socket.send("x".repeat(11));
    assert_eq!(socket.closed().0, 1009);
}

#[test]
fn too_many_messages_close_the_socket() {
    let client = client("WEBSOCKET_MESSAGE_BURST = 5\nWEBSOCKET_MESSAGES_PER_SECOND = 1");
    let mut socket = client.websocket("/echo");
    for _ in 0..5 {
        socket.send("x");
        assert_eq!(socket.text(), "x");
    }
    // As many as one second would allow, and more.
    for _ in 0..20 {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| socket.send("x")));
    }
    while socket.recv().is_some() {}
    assert_eq!(socket.closed(), (1008, "Too many messages.".to_owned()));
}

#[test]
fn pings_count_as_messages() {
    let client = over_socket("WEBSOCKET_MESSAGE_BURST = 5");
    let mut raw = Raw::open(&client, "/echo");
    raw.send(&frame(FIN | PING, b"").repeat(200));
    assert_eq!(raw.closed().0, 1008);
    let mut raw = Raw::open(&client, "/echo");
    raw.send(&frame(FIN | PONG, b"").repeat(200));
    assert_eq!(raw.closed().0, 1008);
}

#[test]
fn the_number_of_sockets_is_limited() {
    let client = client("WEBSOCKET_MAX_CONNECTIONS = 2");
    let first = client.websocket("/echo");
    let _second = client.websocket("/echo");
    client.get("/echo").websocket().unwrap_err().assert_status(503);
    drop(first);
    wait_for_open(&client, 1);
    client.websocket("/echo");
}

#[test]
fn a_client_that_connects_in_a_loop_leaves_nothing_behind() {
    let client = over_socket("WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS = 20");
    for n in 0..300 {
        if n % 2 == 0 {
            let (_socket, head) = Raw::ask(&client, "/echo", "");
            assert!(head.starts_with("HTTP/1.1 101 ") || head.starts_with("HTTP/1.1 429 "), "{head}");
        } else {
            // Some do not wait for the answer.
            drop(Raw::begin(&client, "/echo", ""));
        }
    }
    wait_for_open(&client, 0);
    let mut socket = client.websocket("/echo");
    socket.send("hello");
    assert_eq!(socket.text(), "hello");
}

#[test]
fn the_metrics_count_sockets() {
    let client = client("MONITORING_NETWORKS = ['loopback']\nWEBSOCKET_MAX_CONNECTIONS = 9");
    let _two = [client.websocket("/echo"), client.websocket("/echo")];
    let page = client.get("/metrics").send();
    page.assert_contains("lback_websockets 2\n").assert_contains("lback_websockets_max 9\n");
}

#[test]
fn the_number_of_sockets_of_an_address_is_limited() {
    let client = client("WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS = 1");
    let ask = |address: &str| client.get("/echo").from_addr(address.parse::<IpAddr>().unwrap()).websocket();
    let first = ask("192.0.2.1").unwrap();
    ask("192.0.2.1").unwrap_err().assert_status(429);
    let _other = ask("192.0.2.2").unwrap();
    let _network = ask("2001:db8:0:1::1").unwrap();
    ask("2001:db8:0:1::2").unwrap_err().assert_status(429);
    let _other_network = ask("2001:db8:0:2::1").unwrap();
    drop(first);
    wait_for_open(&client, 3);
    ask("192.0.2.1").unwrap();
}

#[test]
fn a_client_that_does_not_answer_pings_is_disconnected() {
    let client = over_socket("WEBSOCKET_PING_SECONDS = 1");
    let mut silent = Raw::open(&client, "/echo");
    let mut alive = Raw::open(&client, "/echo");
    // Longer than the silent one is waited for.
    for _ in 0..4 {
        let (opcode, payload) = alive.read().unwrap();
        assert_eq!(opcode, PING);
        alive.send(&frame(FIN | PONG, &payload));
    }
    assert_eq!(silent.read().unwrap().0, PING);
    assert_eq!(silent.closed().0, 1006);
    assert_eq!(open(&client), 1);
    alive.text("hello");
    alive.assert_text("hello");
}

#[test]
fn idle_sockets_are_closed_if_the_settings_say_so() {
    let client = over_socket("WEBSOCKET_IDLE_SECONDS = 1\nWEBSOCKET_PING_SECONDS = 1");
    let mut raw = Raw::open(&client, "/echo");
    raw.text("hello");
    raw.assert_text("hello");
    assert_eq!(raw.closed(), (1000, "No messages for a long time.".to_owned()));
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let client = over_socket("WEBSOCKET_SEND_SECONDS = 1");
    let raw = Raw::open(&client, "/flood");
    assert_eq!(open(&client), 1);
    wait_for_open(&client, 0);
    let dropped = client.app().state::<Dropped>().unwrap();
    assert_eq!(dropped.0.load(Ordering::SeqCst), 1);
    drop(raw);
}

#[test]
fn a_view_that_does_not_receive_lets_the_client_wait_and_then_go() {
    let client = over_socket("WEBSOCKET_PING_SECONDS = 1\nWEBSOCKET_MESSAGE_BURST = 1000000");
    let mut raw = Raw::open(&client, "/waits");
    raw.send(&frame(FIN | 1, b"hello").repeat(100));
    assert_eq!(raw.closed(), (1013, "The server is too slow.".to_owned()));
    wait_for_open(&client, 0);
}

#[test]
fn a_view_that_does_not_receive_ends_when_the_client_is_gone() {
    let client = over_socket("");
    let raw = Raw::open(&client, "/waits");
    assert_eq!(open(&client), 1);
    drop(raw);
    wait_for_open(&client, 0);
    let dropped = client.app().state::<Dropped>().unwrap();
    eventually("the view has ended", || dropped.0.load(Ordering::SeqCst) == 1);
}
