//! Limits on messages, names and streams.

use std::io::{Read, Write};
use std::net::TcpStream;

use lback::prelude::*;
use lback::realtime::Member;
use lback::testing::Client;

use super::{SETTINGS, channels, client, client_with, next, say, subscribe, texts};
use crate::server_process::eventually;
use crate::unit_of_work::on_each_database;

on_each_database!(
    large_messages_are_refused,
    many_subscriptions_share_the_messages,
    large_messages_share_the_memory,
    unused_channels_are_forgotten,
);

fn large_messages_are_refused(on: &str) {
    let client = client_with(on, "CHANNEL_MAX_MESSAGE_BYTES = 2048");
    let channels = channels(&client);
    let mut news = subscribe(&client, "news");
    let sent = |length| client.database().write(|db| channels.broadcast(db, "news", &"x".repeat(length)));
    assert!(sent(2048 - 10).is_ok());
    let error = sent(2048 - 9).unwrap_err();
    assert!(error.message().contains("has 2049 bytes; the maximum is 2048, which is CHANNEL_MAX_MESSAGE_BYTES"), "{error}");
    assert!(next(&mut news).event().is_ok());
    for name in ["", "a\nb", "\0", &"x".repeat(201)] {
        let error = client.database().write(|db| channels.broadcast(db, name, "x")).unwrap_err();
        assert!(error.message().contains("should have 1 to 200 bytes"), "{error}");
        assert!(channels.subscribe([name], None).is_err());
        assert!(client.database().write(|db| channels.broadcast_named(db, "news", name, "x")).is_err());
    }
    assert!(channels.subscribe([""; 0], None).is_err());
    assert!(channels.subscribe(vec!["x"; 65], None).is_err());
}

fn many_subscriptions_share_the_messages(on: &str) {
    let client = client(on);
    let mut all: Vec<_> = (0..10_000).map(|_| subscribe(&client, "news")).collect();
    say(&client, "news", "one");
    for subscription in &mut all {
        assert_eq!(texts(subscription, 1), ["one"]);
    }
    assert_eq!(channels(&client).subscription_count(), 10_000);
    drop(all);
    assert_eq!(channels(&client).subscription_count(), 0);
}

fn large_messages_share_the_memory(on: &str) {
    let client = client(on);
    let channels = channels(&client);
    let names: Vec<String> = (0..700).map(|n| n.to_string()).collect();
    let mut all: Vec<_> = names.iter().map(|name| subscribe(&client, name)).collect();
    let sent = client.database().write(|db| names.iter().try_for_each(|name| channels.broadcast(db, name, &"x".repeat(65_000))));
    sent.unwrap();
    assert!(next(all.last_mut().unwrap()).message().is_some());
    let gaps = all[..699].iter_mut().filter_map(|subscription| next(subscription).message().is_none().then_some(())).count();
    assert!((100..600).contains(&gaps), "{gaps}");
}

fn unused_channels_are_forgotten(on: &str) {
    let client = client(on);
    for n in 0..5000 {
        drop(subscribe(&client, &format!("channel {n}")));
    }
    let mut news = subscribe(&client, "news");
    say(&client, "news", "one");
    assert_eq!(texts(&mut news, 1), ["one"]);
}

/// Requests events over a connection of its own.
fn open(client: &Client) -> TcpStream {
    let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
    let cookie = client.cookie(client.sessions().cookie_name());
    let cookie = cookie.map(|cookie| format!("cookie: session_id={cookie}\r\n")).unwrap_or_default();
    write!(stream, "GET /events HTTP/1.1\r\nhost: 127.0.0.1\r\n{cookie}\r\n").unwrap();
    stream
}

#[track_caller]
fn wait_for_open(client: &Client, count: usize) {
    eventually("as many are open", || channels(client).subscription_count() == count);
}

#[test]
fn a_client_that_connects_in_a_loop_leaves_nothing_behind() {
    let events = |req: &mut Request| -> Result<Response> {
        Ok(Response::events(req.subscribe("news")?.present_in("news", Member::new(7, "Alice")).events()))
    };
    let app = App::new(Router::new().get("/events", events)).realtime();
    let client = Client::over_socket_with_settings(app, &format!("{SETTINGS}\nCHANNEL_MAX_STREAMS_PER_ADDRESS = 20"));
    for n in 0..300 {
        let mut stream = open(&client);
        // Some do not wait for the answer.
        if n % 2 == 0 {
            let mut status = [0; 12];
            stream.read_exact(&mut status).unwrap();
            assert!([b"HTTP/1.1 200", b"HTTP/1.1 429"].contains(&&status), "{}", String::from_utf8_lossy(&status));
        }
    }
    wait_for_open(&client, 0);
    let mut stream = open(&client);
    stream.read_exact(&mut [0; 12]).unwrap();
    // The member has joined once, and not left.
    eventually("the member is stored", || client.broadcasts().len() == 1);
}

#[test]
fn the_metrics_count_streams() {
    let client = client_with("", "MONITORING_NETWORKS = ['loopback']\nCHANNEL_MAX_STREAMS = 9");
    let _two = [subscribe(&client, "news"), subscribe(&client, "other")];
    let page = client.get("/metrics").send();
    page.assert_contains("lback_channel_streams 2\n").assert_contains("lback_channel_streams_max 9\n");
}

#[test]
fn a_client_cannot_open_any_number_of_streams() {
    let held = |req: &mut Request| -> Result<Response> {
        req.session().insert("visited", true)?;
        Ok(Response::events(req.subscribe("news")?.events()))
    };
    let app =
        || App::new(Router::new().get("/events", held).get("/", |req: &mut Request| req.session().insert("visited", true))).realtime();
    let limits = "CHANNEL_MAX_STREAMS = 5\nCHANNEL_MAX_STREAMS_PER_VISITOR = 2\nCHANNEL_MAX_STREAMS_PER_ADDRESS = 4";
    let client = Client::over_socket_with_settings(app(), &format!("{SETTINGS}\n{limits}"));
    client.get("/").send().assert_status(204);
    let (channels, wait) = (channels(&client), |count| wait_for_open(&client, count));
    let mut streams = vec![open(&client), open(&client)];
    wait(2);
    client.get("/events").send().assert_status(429).assert_contains("429");
    streams.extend([open(&client.fork()), open(&client.fork())]);
    wait(4);
    client.fork().get("/events").send().assert_status(429);
    let _other = channels.subscribe(["news"], None).unwrap();
    let error = channels.subscribe(["news"], None).unwrap_err();
    assert_eq!(
        (error.status(), error.message()),
        (StatusCode::SERVICE_UNAVAILABLE, "5 connections are open, which is CHANNEL_MAX_STREAMS")
    );
    drop(streams);
    wait(1);
    let stream = open(&client);
    wait(2);
    drop(stream);
}
