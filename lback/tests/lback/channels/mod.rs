//! Channels: what is committed reaches the subscribers of all processes, once and in order; what is rolled back reaches nobody.

mod limits;
#[cfg(feature = "admin")]
mod page;
mod presence;
mod processes;
mod resume;
mod without_database;

use std::time::Duration;

use lback::prelude::*;
use lback::realtime::{Channels, Received, Subscription};
use lback::testing::{AssertQueries, Client, block_on};

use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(
    what_is_committed_is_sent_and_what_fails_is_not,
    messages_arrive_in_order_and_once,
    a_view_that_commits_by_itself_broadcasts_afterwards,
    a_message_that_nobody_hears_costs_one_row,
    messages_have_names_and_data,
    other_work_broadcasts_in_its_transaction,
    a_stream_of_events_begins_with_an_id,
    old_messages_are_deleted,
);

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";

fn urls() -> Router {
    let say = |req: &mut Request| -> Result<()> {
        let (channel, text): (String, String) = (req.param("channel")?, req.param("text")?);
        req.broadcast(&channel, &text)
    };
    Router::new()
        .post("/say/{channel}/{text}", say)
        .get("/say/{channel}/{text}", say)
        .post("/async/{channel}/{text}", async |req: &mut Request| {
            let (channel, text): (String, String) = (req.param("channel")?, req.param("text")?);
            req.broadcast(&channel, &text)
        })
        .post("/named/{channel}", |req: &mut Request| -> Result<()> {
            let channel: String = req.param("channel")?;
            req.broadcast_named(&channel, "moved", &lback::serde_json::json!({ "from": 1, "to": "ü" }))
        })
        .post("/error", |req: &mut Request| -> Result<()> {
            req.broadcast("news", "lost")?;
            Err(Error::not_found("no"))
        })
        .post("/status", |req: &mut Request| req.broadcast("news", "lost").map(|()| StatusCode::BAD_GATEWAY))
        .post("/panic", |req: &mut Request| -> Result<()> {
            req.broadcast("news", "lost")?;
            panic!("on purpose")
        })
        .post("/commit-fails", |req: &mut Request| -> Result<()> {
            req.broadcast("news", "lost")?;
            req.before_commit(|_| Err(Error::internal("on purpose")))
        })
        .post("/early", async |req: &mut Request| -> Result<()> {
            req.commit_db().await?;
            req.broadcast("news", "early")
        })
        .get("/events", |req: &mut Request| -> Result<Response> { Ok(Response::events(req.subscribe("news")?.events())) })
        .get("/position", |req: &mut Request| req.channel_position())
}

fn app() -> App {
    App::new(urls()).realtime()
}

fn client(on: &str) -> Client {
    client_with(on, "")
}

fn client_with(on: &str, settings: &str) -> Client {
    Client::with_settings(app(), &format!("{SETTINGS}\n{on}\n{settings}"))
}

fn channels(client: &Client) -> &Channels {
    client.app().state().unwrap()
}

fn subscribe(client: &Client, channel: &str) -> Subscription {
    channels(client).subscribe([channel], None).unwrap()
}

/// Returns the next item, or panics if there is none for a long time.
#[track_caller]
fn next(subscription: &mut Subscription) -> Received {
    let next = block_on(async { tokio::time::timeout(Duration::from_secs(60), subscription.next()).await });
    next.expect("nothing arrives").expect("the subscription has ended")
}

/// Returns the data of the next messages as texts; gaps as "gap".
#[track_caller]
fn texts(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let text = |received: Received| received.message().map_or_else(|| "gap".to_owned(), |message| message.data().unwrap());
    (0..count).map(|_| text(next(subscription))).collect()
}

/// Checks that nothing has arrived before a message that is sent now.
#[track_caller]
fn assert_quiet(client: &Client, subscription: &mut Subscription, channel: &str) {
    say(client, channel, "the end");
    assert_eq!(texts(subscription, 1), ["the end"]);
}

#[track_caller]
fn say(client: &Client, channel: &str, text: &str) {
    client.post(&format!("/say/{channel}/{text}")).send().assert_status(204);
}

fn what_is_committed_is_sent_and_what_fails_is_not(on: &str) {
    let client = client(on);
    let mut news = subscribe(&client, "news");
    for failing in ["/error", "/status", "/panic", "/commit-fails"] {
        client.post(failing).send();
        assert_eq!(client.broadcasts(), [], "{failing}");
    }
    say(&client, "news", "one");
    client.get("/say/news/two").send().assert_status(204);
    client.post("/async/news/three").send().assert_status(204);
    assert_eq!(texts(&mut news, 3), ["one", "two", "three"]);
    assert_quiet(&client, &mut news, "news");
    let sent: Vec<_> = ["one", "two", "three", "the end"].map(|text| ("news".to_owned(), format!("\"{text}\""))).into();
    assert_eq!(client.broadcasts(), sent);
}

fn messages_arrive_in_order_and_once(on: &str) {
    let client = client(on);
    let mut one = subscribe(&client, "one");
    let mut both = channels(&client).subscribe(["one", "two", "one"], None).unwrap();
    for n in 0..50 {
        say(&client, if n % 2 == 0 { "one" } else { "two" }, &n.to_string());
    }
    let numbers = |step| (0..50).step_by(step).map(|n: u32| n.to_string()).collect::<Vec<_>>();
    assert_eq!(texts(&mut one, 25), numbers(2));
    assert_eq!(texts(&mut both, 50), numbers(1));
    assert_quiet(&client, &mut one, "one");
}

fn a_view_that_commits_by_itself_broadcasts_afterwards(on: &str) {
    let client = client(on);
    let mut news = subscribe(&client, "news");
    client.post("/early").send().assert_status(204);
    assert_eq!(texts(&mut news, 1), ["early"]);
}

fn a_message_that_nobody_hears_costs_one_row(on: &str) {
    let client = client(on);
    let mut news = subscribe(&client, "news");
    client.post("/say/silence/x").send().assert_status(204).assert_queries(1);
    assert_quiet(&client, &mut news, "news");
    assert_eq!(number(&client, "SELECT count(*) FROM channel_messages WHERE channel = 'silence'"), 1);
}

fn messages_have_names_and_data(on: &str) {
    let client = client(on);
    let mut news = subscribe(&client, "news");
    client.post("/named/news").send().assert_status(204);
    let received = next(&mut news);
    let message = received.message().unwrap();
    assert_eq!((message.channel(), message.name(), message.json()), ("news", Some("moved"), "{\"from\":1,\"to\":\"ü\"}"));
    assert!(message.data::<Vec<u8>>().unwrap_err().message().contains("a message of the channel \"news\""));
    let event = format!("{:?}", received.event().unwrap());
    assert!(event.contains("event: moved") && event.contains(&format!("id: {}", message.id())), "{event}");
}

fn other_work_broadcasts_in_its_transaction(on: &str) {
    let client = client(on);
    let mut news = subscribe(&client, "news");
    let channels = channels(&client);
    let failed = client.database().write(|db| {
        channels.broadcast(db, "news", "lost")?;
        Err::<(), _>(Error::internal("on purpose"))
    });
    assert!(failed.is_err());
    client.database().write(|db| channels.broadcast(db, "news", "sent")).unwrap();
    assert_eq!(texts(&mut news, 1), ["sent"]);
}

fn a_stream_of_events_begins_with_an_id(on: &str) {
    let client = client(on);
    say(&client, "news", "before");
    let position = client.get("/position").send().text().to_owned();
    let mut events = subscribe(&client, "news").events();
    let mut next = || {
        use tokio_stream::StreamExt;
        format!("{:?}", block_on(events.next()).unwrap().unwrap())
    };
    assert_eq!(next(), format!("Event(\"id: {position}\\nretry: 1000\\n\\n\")"));
    say(&client, "news", "after");
    assert!(next().starts_with("Event(\"data: \\\"after\\\"\\nid: "));
}

fn old_messages_are_deleted(on: &str) {
    let client = client_with(on, "CHANNEL_KEEP_MESSAGES = 100");
    let insert = |count: u32, time: &str| {
        let rows: Vec<String> = (0..count).map(|n| format!("('old', '{n}', '{time}')")).collect();
        sql(&client, &format!("INSERT INTO channel_messages (channel, payload, created_at) VALUES {}", rows.join(", ")));
    };
    insert(1200, "2000-01-01 00:00:00");
    insert(150, "2999-01-01 00:00:00");
    say(&client, "news", "last");
    crate::server_process::eventually("they are deleted", || number(&client, "SELECT count(*) FROM channel_messages") == 100);
    assert_eq!(number(&client, "SELECT count(*) FROM channel_messages WHERE channel = 'news'"), 1);
}
