use lback::prelude::*;
use lback::testing::{Client, TestWebSocket};
use lback_test_servers::Browser;

use crate::{app, lines};

fn enter(client: &Client, name: &str, room: &str) -> TestWebSocket {
    client.post("/").form(&[("name", name), ("room", room)]).send().assert_redirect(&format!("/rooms/{room}"));
    client.websocket(&format!("/rooms/{room}/socket?after={}", position(client, room)))
}

/// Returns the position that the page of a room hands to its socket.
fn position(client: &Client, room: &str) -> String {
    let page = client.get(&format!("/rooms/{room}")).send();
    page.text().split_once("let after = \"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

fn received(socket: &mut TestWebSocket) -> (String, String) {
    let message: lback::serde_json::Value = socket.json();
    let line = &message["line"];
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
fn a_page_that_connects_again_gets_what_it_has_missed() {
    let client = Client::new(app());
    let mut alice = enter(&client, "alice", "tea");
    let before = position(&client, "tea");
    for text in ["one", "two"] {
        alice.send(text);
        received(&mut alice);
    }
    let mut again = client.websocket(&format!("/rooms/tea/socket?after={before}"));
    assert_eq!([received(&mut again).1, received(&mut again).1], ["one", "two"]);
    let mut late = client.websocket("/rooms/tea/socket?after=unknown");
    assert_eq!(late.closed(), (4000, "Reload".to_owned()));
}

#[test]
fn a_visitor_without_a_name_is_refused() {
    let client = Client::new(app());
    client.get("/rooms/tea").send().assert_redirect("/");
    client.get("/rooms/tea/socket?after=0").websocket().unwrap_err().assert_status(403);
    enter(&client, "alice", "tea");
    client.get(&format!("/rooms/{}/socket?after=0", "x".repeat(161))).websocket().unwrap_err().assert_status(404);
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
