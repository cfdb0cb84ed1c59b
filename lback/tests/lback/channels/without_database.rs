//! Channels of an application without a database: they reach the subscribers of the process.

use lback::prelude::*;
use lback::realtime::Member;
use lback::testing::{Client, block_on};

use super::{next, subscribe, texts};

fn client() -> Client {
    let app = App::new(super::urls()).without_database().without_sessions().realtime();
    Client::with_settings(app, "ALLOWED_HOSTS = ['*']\nCHANNEL_HISTORY = 1000")
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

#[test]
fn no_message_is_lost_if_many_threads_broadcast() {
    let client = client();
    let channels = super::channels(&client);
    let mut news = subscribe(&client, "news");
    let broadcast = |thread: u32| (0..100).for_each(|n| channels.broadcast_here("news", &(100 * thread + n).to_string()).unwrap());
    std::thread::scope(|scope| (0..8).for_each(|thread| drop(scope.spawn(move || broadcast(thread)))));
    let mut received: Vec<u32> = texts(&mut news, 800).iter().map(|text| text.parse().unwrap()).collect();
    received.sort_unstable();
    assert_eq!(received, (0..800).collect::<Vec<_>>());
}

#[test]
fn members_are_listed_in_the_order_in_which_they_joined() {
    let client = client();
    let channels = super::channels(&client);
    let present = |id: &str| block_on(async { channels.subscribe(["page"], None).unwrap().present_in("page", Member::new(id, "")) });
    let ids = ["zoe", "bob", "mia", "amy", "eve", "dan"];
    let _present = ids.map(present);
    assert_eq!(channels.members_here("page").into_iter().map(|member| member.id).collect::<Vec<_>>(), ids);
}
