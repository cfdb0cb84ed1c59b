//! Channels of an application without a database: they reach the subscribers of the process.

use lback::prelude::*;
use lback::testing::Client;

use super::{next, subscribe, texts};

fn client() -> Client {
    let app = || App::new(super::urls()).without_database().without_sessions().realtime();
    Client::with_settings(app(), "ALLOWED_HOSTS = ['*']")
}

#[test]
fn messages_are_sent_at_the_end_of_a_request_that_succeeds() {
    let client = client();
    let mut news = subscribe(&client, "news");
    for failing in ["/error", "/status", "/panic"] {
        client.post(failing).send();
    }
    client.post("/say/news/one").send().assert_status(204);
    client.post("/async/news/two").send().assert_status(204);
    let first = next(&mut news);
    assert_eq!(texts(&mut news, 1), ["two"]);
    let channels = super::channels(&client);
    channels.broadcast_here("news", "three").unwrap();
    assert_eq!(texts(&mut channels.subscribe(["news"], Some(first.id())).unwrap(), 2), ["two", "three"]);
    for unknown in ["0", "7", "9999999999999999"] {
        assert_eq!(texts(&mut channels.subscribe(["news"], Some(unknown)).unwrap(), 1), ["gap"], "{unknown}");
    }
    let restarted = self::client();
    assert_eq!(texts(&mut super::channels(&restarted).subscribe(["news"], Some(first.id())).unwrap(), 1), ["gap"]);
}
