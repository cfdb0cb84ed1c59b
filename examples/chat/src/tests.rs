use lback::prelude::*;
use lback::testing::{Client, TestWebSocket};
use lback_test_servers::Browser;

use crate::{app, lines};

fn enter(client: &Client, name: &str, room: &str) -> TestWebSocket {
    client.post("/").form(&[("name", name), ("room", room)]).send().assert_redirect(&format!("/rooms/{room}"));
    client.websocket(&format!("/rooms/{room}/socket"))
}

fn received(socket: &mut TestWebSocket) -> (String, String) {
    let line: lback::serde_json::Value = socket.json();
    (line["author"].as_str().unwrap().to_owned(), line["text"].as_str().unwrap().to_owned())
}

#[test]
fn a_line_is_stored_and_reaches_everybody_in_the_room() {
    let client = Client::new(app());
    let (mut alice, mut bob) = (enter(&client, "alice", "tea"), enter(&client.fork(), "bob", "tea"));
    let mut carol = enter(&client.fork(), "carol", "coffee");
    alice.send("hello <b>all</b>");
    for socket in [&mut alice, &mut bob] {
        assert_eq!(received(socket), ("alice".to_owned(), "hello <b>all</b>".to_owned()));
    }
    carol.send("nobody here");
    assert_eq!(received(&mut carol).0, "carol");
    let stored: i64 = client.db(|db| lines::table.filter(lines::room.eq("tea")).count().get_result(db));
    assert_eq!(stored, 1);
    client.get("/rooms/tea").send().assert_contains("hello &lt;b&gt;all&lt;");
}

#[test]
fn a_visitor_without_a_name_is_refused() {
    let client = Client::new(app());
    client.get("/rooms/tea").send().assert_redirect("/");
    client.get("/rooms/tea/socket").websocket().unwrap_err().assert_status(403);
    enter(&client, "alice", "tea");
    client.get(&format!("/rooms/{}/socket", "x".repeat(161))).websocket().unwrap_err().assert_status(404);
}

#[test]
fn two_windows_talk_to_each_other() {
    let (Some(alice), Some(bob)) = (Browser::start(), Browser::start()) else { return };
    let client = Client::over_socket(app());
    for (browser, name) in [(&alice, "Alice"), (&bob, "Bob")] {
        browser.open(&client.url());
        browser.fill("Your name", name);
        browser.fill("Room", "tea");
        browser.click("Enter");
        browser.waits("return typeof socket === 'object' && socket.readyState === WebSocket.OPEN");
    }
    alice.fill("Alice", "Is anybody here?");
    alice.click("Say");
    bob.sees("Alice Is anybody here?");
    bob.fill("Bob", "Yes.");
    bob.click("Say");
    alice.sees("Bob Yes.");
}
