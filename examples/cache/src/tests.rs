use lback::cache::Cache;
use lback::testing::Client;

use crate::{HOUR, app};

/// Returns the number of values that were computed so far.
fn computed(client: &Client) -> u64 {
    client.app().state::<Cache>().unwrap().counts().misses
}

fn add(client: &Client, title: &str) {
    client.post("/add").form(&[("title", title), ("cents", "400")]).send().assert_redirect("/");
}

#[test]
fn the_list_is_rendered_once_after_each_change() {
    let client = Client::new(app());
    client.get("/").send().assert_status(200);
    client.fork().get("/").send().assert_status(200);
    assert_eq!(computed(&client), 1);
    add(&client, "Emma");
    client.get("/").send().assert_contains("Emma, 400 cents");
    assert_eq!(computed(&client), 2);
}

#[test]
fn a_browser_that_has_the_list_gets_304() {
    let client = Client::new(app());
    let tag = client.get("/").send().header("etag").unwrap().to_owned();
    client.get("/").header("if-none-match", &tag).send().assert_status(304);
    add(&client, "Emma");
    client.get("/").header("if-none-match", &tag).send().assert_status(200);
}

#[test]
fn the_total_and_the_latest_books_follow_the_table() {
    let client = Client::new(app());
    client.get("/add").send().assert_contains("All books cost 0.00 USD");
    add(&client, "Emma");
    add(&client, "Middlemarch");
    client.get("/add").send().assert_contains("All books cost 10.00 USD").assert_contains("<li>Middlemarch</li>");
    let before = computed(&client);
    client.get("/add").send().assert_status(200);
    assert_eq!(computed(&client), before);
}

#[test]
fn the_rate_is_asked_for_once_per_hour() {
    let client = Client::new(app());
    client.get("/add").send().assert_status(200);
    let before = computed(&client);
    client.clock().advance(HOUR);
    client.get("/add").send().assert_status(200);
    assert_eq!(computed(&client), before + 1);
}
