//! Limits on messages, names and streams.

use lback::prelude::*;
use lback::testing::Client;

use super::{SETTINGS, app, channels, client, client_with, next, say, subscribe, texts};
use crate::unit_of_work::on_each_database;

on_each_database!(large_messages_are_refused, many_subscriptions_share_the_messages, unused_channels_are_forgotten);

fn large_messages_are_refused(on: &str) {
    let client = client_with(on, "CHANNEL_MESSAGE_KB = 2");
    let channels = channels(&client);
    let mut news = subscribe(&client, "news");
    let sent = |length| client.database().write(|db| channels.broadcast(db, "news", &"x".repeat(length)));
    assert!(sent(2048 - 10).is_ok());
    let error = sent(2048 - 9).unwrap_err();
    assert!(error.message().contains("has 2049 bytes; the maximum is 2 KiB, which is CHANNEL_MESSAGE_KB"), "{error}");
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
    assert!(format!("{:?}", channels(&client)).contains("10000"));
    drop(all);
    assert!(format!("{:?}", channels(&client)).contains("open: 0"));
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

#[test]
fn a_client_cannot_open_any_number_of_streams() {
    let held = |req: &mut Request| -> Result<Response> {
        req.session().insert("visited", true)?;
        Ok(Response::events(req.subscribe("news")?.events()))
    };
    let app =
        || App::new(Router::new().get("/events", held).get("/", |req: &mut Request| req.session().insert("visited", true))).realtime();
    let limits = "CHANNEL_MAX_STREAMS = 5\nCHANNEL_MAX_STREAMS_PER_SESSION = 2\nCHANNEL_MAX_STREAMS_PER_ADDRESS = 4";
    let client = Client::over_socket_with_settings(app(), &format!("{SETTINGS}\n{limits}"));
    client.get("/").send().assert_status(204);
    let open = |client: &Client| {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(client.url().strip_prefix("http://").unwrap()).unwrap();
        let cookie =
            client.cookie(client.sessions().cookie_name()).map(|cookie| format!("cookie: session_id={cookie}\r\n")).unwrap_or_default();
        write!(stream, "GET /events HTTP/1.1\r\nhost: 127.0.0.1\r\n{cookie}\r\n").unwrap();
        stream
    };
    let channels = client.app().state::<lback::realtime::Channels>().unwrap();
    let wait =
        |count: usize| crate::server_process::eventually("they are open", || format!("{channels:?}").contains(&format!("open: {count}")));
    let mut streams = vec![open(&client), open(&client)];
    wait(2);
    client.get("/events").send().assert_status(429).assert_contains("429");
    streams.extend([open(&client.fork()), open(&client.fork())]);
    wait(4);
    client.fork().get("/events").send().assert_status(429);
    let _other = channels.subscribe(["news"], None).unwrap();
    let error = channels.subscribe(["news"], None).unwrap_err();
    assert_eq!((error.status(), error.message()), (StatusCode::SERVICE_UNAVAILABLE, "5 streams are open, which is CHANNEL_MAX_STREAMS"));
    drop(streams);
    wait(1);
    let stream = open(&client);
    wait(2);
    drop(stream);
}

#[test]
fn a_subscription_ends_after_its_time() {
    use lback::testing::block_on;
    let client = Client::with_settings(app(), &format!("{SETTINGS}\nCHANNEL_STREAM_MINUTES = 1"));
    let mut news = subscribe(&client, "news");
    let end = block_on(async { tokio::time::timeout(std::time::Duration::from_secs(120), news.next()).await });
    assert!(end.expect("it does not end").is_none());
}
