use lback::prelude::*;
use lback::testing::Client;

use crate::models::notes;

#[test]
fn a_note_is_kept_and_shown() {
    let client = Client::new(crate::app());
    client.post("/notes").form(&[("text", "Buy <milk>")]).send().assert_redirect("/");
    client.get("/").send().assert_contains("Noted.").assert_contains("Buy &lt;milk&gt;");
    client.get("/notes/1").send().assert_status(200).assert_contains("Buy &lt;milk&gt;");
    client.get("/notes/2").send().assert_status(404);
    let count: i64 = client.db(|db| notes::table.count().get_result(db));
    assert_eq!(count, 1);
}

#[test]
fn a_note_needs_a_text() {
    let client = Client::new(crate::app());
    client.post("/notes").form(&[("text", " ")]).send().assert_status(400);
}

#[test]
fn visits_are_counted_for_each_browser() {
    let client = Client::new(crate::app());
    client.get("/").send().assert_contains("You have been here 1 times.");
    client.get("/").send().assert_contains("You have been here 2 times.");
    client.fork().get("/").send().assert_contains("You have been here 1 times.");
}
